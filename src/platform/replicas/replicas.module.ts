import { Global, Module } from '@nestjs/common';
import { ReplicaBus } from './bus.ts';
import { Replica } from './replica.ts';

/** This process and its equals. */
@Global()
@Module({ providers: [Replica, ReplicaBus], exports: [Replica, ReplicaBus] })
export class ReplicasModule {}
