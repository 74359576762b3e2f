import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { definedJobs, handledJobOf, type JobHandler } from './job.ts';

/** Which instance handles which job, found among the providers at start. */
@Injectable()
export class JobRegistry {
  private handlers: Map<string, JobHandler<unknown>> | undefined;

  constructor(private readonly discovery: DiscoveryService) {}

  /** The handler of a job. Throws when the job has none. */
  handlerOf(name: string): JobHandler<unknown> {
    const handler = this.found().get(name);
    if (handler === undefined) throw new Error(`The job ${name} has no handler.`);
    return handler;
  }

  /** What is wrong with the declared jobs and their handlers, one sentence each; empty when all is well. */
  problems(): string[] {
    const counts = new Map<string, number>();
    for (const name of this.handlerNames()) counts.set(name, (counts.get(name) ?? 0) + 1);
    const problems: string[] = [];
    for (const name of definedJobs().keys()) {
      const count = counts.get(name) ?? 0;
      if (count !== 1) problems.push(`The job ${name} has ${count} handlers; it needs exactly one.`);
    }
    return problems;
  }

  private found(): Map<string, JobHandler<unknown>> {
    this.handlers ??= new Map(this.providers().map(({ name, instance }) => [name, instance as JobHandler<unknown>]));
    return this.handlers;
  }

  private handlerNames(): string[] {
    return this.providers().map(({ name }) => name);
  }

  private providers(): { name: string; instance: unknown }[] {
    return this.discovery.getProviders().flatMap((wrapper) => {
      const name = typeof wrapper.metatype === 'function' ? handledJobOf(wrapper.metatype) : undefined;
      return name === undefined ? [] : [{ name, instance: wrapper.instance as unknown }];
    });
  }
}
