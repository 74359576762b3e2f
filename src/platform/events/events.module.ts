import { Global, Module } from '@nestjs/common';
import { Outbox } from './outbox.ts';

/** Events between modules, by the outbox. */
@Global()
@Module({ providers: [Outbox], exports: [Outbox] })
export class EventsModule {}
