import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { JobQueue } from './job-queue.ts';
import { JobRegistry } from './job-registry.ts';

/** Background jobs. */
@Global()
@Module({ imports: [DiscoveryModule], providers: [JobRegistry, JobQueue], exports: [JobRegistry, JobQueue] })
export class QueueModule {}
