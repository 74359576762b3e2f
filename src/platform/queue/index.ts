export { defineJob, definedJobs, GiveUp, Handles, type JobDefinition, type JobHandler } from './job.ts';
export { type JobOutcomes, JobQueue, type QueuedJob } from './job-queue.ts';
export { JobRegistry } from './job-registry.ts';
export { type QueueConfig, queueConfig } from './queue.config.ts';
export { QueueModule } from './queue.module.ts';
export { type WakeOutcome, WakeQueue } from './wake-queue.ts';
