export { defineEvent, onEvent } from './event.ts';
export { EventsModule } from './events.module.ts';
export { Outbox } from './outbox.ts';
