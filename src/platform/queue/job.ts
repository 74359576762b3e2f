import { SetMetadata } from '@nestjs/common';
import type { z } from 'zod';

/** A kind of background job: its name, the shape of its payload (ids only), and how often it is tried. */
export interface JobDefinition<S extends z.ZodType = z.ZodType> {
  name: string;
  payload: S;
  /** For jobs on a schedule: one run per this many milliseconds over all replicas. */
  everyMs?: number;
}

/** What runs a job. It must be idempotent: a job may run again after a crash or a Redis flush. */
export interface JobHandler<P> {
  handle(payload: P): Promise<void>;
}

const handlesKey = 'parley:handles-job';
const defined = new Map<string, JobDefinition>();

/** Declares a job. Two jobs of one name are a programming error and throw at load. */
export function defineJob<S extends z.ZodType>(definition: JobDefinition<S>): JobDefinition<S> {
  if (defined.has(definition.name)) throw new Error(`The job ${definition.name} is defined twice.`);
  defined.set(definition.name, definition);
  return definition;
}

/** Every declared job, by name. */
export function definedJobs(): ReadonlyMap<string, JobDefinition> {
  return defined;
}

/** Marks the class that handles a job. The server does not start unless each job has exactly one. */
export function Handles(job: JobDefinition): ClassDecorator {
  return SetMetadata(handlesKey, job.name);
}

/** Name of the job that a class handles, if any. */
export function handledJobOf(handler: Function): string | undefined {
  return Reflect.getMetadata(handlesKey, handler) as string | undefined;
}

/** Thrown by a handler: no further try can help. */
export class GiveUp extends Error {
  override name = 'GiveUp';
}
