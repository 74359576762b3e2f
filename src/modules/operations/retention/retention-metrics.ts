import { Counter, Gauge, Histogram } from 'prom-client';
import { metricsRegistry } from '../../../platform/telemetry/index.ts';

const registers = [metricsRegistry];

/** What operators watch of retention: whether it goes on, and how long it holds anything. */
export const retentionMetrics = {
  deleted: new Counter({
    name: 'parley_retention_deleted_total',
    help: 'Rows deleted because their time was over, by kind.',
    labelNames: ['kind'],
    registers,
  }),
  batchSeconds: new Histogram({
    name: 'parley_retention_batch_seconds',
    help: 'Time that one batch of a sweep holds its locks.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
    registers,
  }),
  tenantsLeft: new Gauge({
    name: 'parley_retention_tenants_left',
    help: 'Tenants that the running sweep has still to look at.',
    registers,
  }),
};
