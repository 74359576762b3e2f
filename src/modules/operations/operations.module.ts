import { Module } from '@nestjs/common';
import { Health } from './health.service.ts';
import { OperationsController } from './operations.controller.ts';
import { PurgeExpired } from './purge-expired.job.ts';

/** Probes, metrics and housekeeping. */
@Module({ controllers: [OperationsController], providers: [Health, PurgeExpired], exports: [Health] })
export class OperationsModule {}
