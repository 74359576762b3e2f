export { defineJob, definedJobs, GiveUp, Handles, type JobDefinition, type JobHandler } from './job.ts';
export { JobQueue, type QueuedJob } from './job-queue.ts';
export { JobRegistry } from './job-registry.ts';
export { QueueModule } from './queue.module.ts';
