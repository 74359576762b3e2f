import { z } from 'zod';
import { defineJob, type JobDefinition } from '../queue/index.ts';

/** Something that happened in one module and concerns others. The payload holds ids only, always with the tenant. */
export interface EventDefinition<S extends z.ZodType = z.ZodType> {
  name: string;
  payload: S;
  /** Jobs that the event sets off, one per reaction. Filled by `onEvent`. */
  reactions: JobDefinition[];
}

/** Declares an event. Lower modules publish it, higher ones react. */
export function defineEvent<T extends z.ZodRawShape>(name: string, fields: T) {
  const payload = z.object({ tenantId: z.uuid(), ...fields });
  return { name, payload, reactions: [] as JobDefinition[] } satisfies EventDefinition<typeof payload>;
}

/** Declares the job with which a module reacts to an event; a class marked `@Handles(job)` does the work. */
export function onEvent<S extends z.ZodType>(event: EventDefinition<S>, name: string): JobDefinition<S> {
  const job = defineJob({ name, payload: event.payload });
  event.reactions.push(job);
  return job;
}
