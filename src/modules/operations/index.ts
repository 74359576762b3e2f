export { Health } from './health.service.ts';
export { OperationsModule } from './operations.module.ts';
