export { Health } from './health.service.ts';
export { OperationsModule } from './operations.module.ts';
export { ApplyRetention } from './retention/apply-retention.job.ts';
export { RetentionSweep, type Swept } from './retention/retention-sweep.ts';
