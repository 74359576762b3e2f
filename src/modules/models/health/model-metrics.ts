import { Counter, Gauge, Histogram } from 'prom-client';
import { metricsRegistry } from '../../../platform/telemetry/index.ts';
import type { Target } from '../routing/target.ts';

const registers = [metricsRegistry];

/** What gauges show of a target. */
interface Standing {
  target: Pick<Target, 'name' | 'label' | 'credential'>;
  health: { waiting: number; budget: { left(): number } };
}

const sources = new Set<() => Standing[]>();
const standing = () => [...sources].flatMap((source) => source());

/** Has `source` asked whenever metrics are read. Gives what ends that. */
export function watchTargets(source: () => Standing[]): () => void {
  sources.add(source);
  return () => void sources.delete(source);
}

/** What operators watch of each target. Those of tenants are one: labels must be few, and never name a tenant. */
export const modelMetrics = {
  calls: new Counter({
    name: 'parley_model_target_calls_total',
    help: 'Provider calls by target and outcome.',
    labelNames: ['target', 'outcome'],
    registers,
  }),
  seconds: new Histogram({
    name: 'parley_model_target_call_seconds',
    help: 'Duration of provider calls by target.',
    labelNames: ['target'],
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
    registers,
  }),
  firstTextSeconds: new Histogram({
    name: 'parley_model_target_first_text_seconds',
    help: 'Time from the beginning of a provider call to its first text, by target.',
    labelNames: ['target'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  }),
  tokens: new Counter({
    name: 'parley_model_target_tokens_total',
    help: 'Tokens that providers have counted, by target and direction.',
    labelNames: ['target', 'direction'],
    registers,
  }),
  breakerShare: new Gauge({
    name: 'parley_model_target_share',
    help: 'Part of its calls that a target gets: 1 = healthy, 0 = its breaker is open.',
    labelNames: ['target'],
    registers,
  }),
  waiting: new Gauge({
    name: 'parley_model_target_waiting',
    help: 'Calls that wait for their share of the rate limits, or for a retry, by target.',
    labelNames: ['target'],
    registers,
    collect() {
      this.reset();
      for (const { target, health } of standing()) this.inc({ target: metricName(target) }, health.waiting);
    },
  }),
  retriesLeft: new Gauge({
    name: 'parley_model_target_retries_left',
    help: 'Retries that are possible now, by target; of those with one name the fewest.',
    labelNames: ['target'],
    registers,
    collect() {
      const fewest = new Map<string, number>();
      for (const { target, health } of standing()) {
        const name = metricName(target);
        fewest.set(name, Math.min(fewest.get(name) ?? Infinity, health.budget.left()));
      }
      this.reset();
      for (const [target, left] of fewest) this.set({ target }, left);
    },
  }),
  retriesRefused: new Counter({
    name: 'parley_model_target_retries_refused_total',
    help: 'Retries that were not made because their budget was used up, by target.',
    labelNames: ['target'],
    registers,
  }),
} as const;

/** A target's name as a label. */
export function metricName({ name, label = name, credential }: Pick<Target, 'name' | 'label' | 'credential'>): string {
  return credential.owner.kind === 'tenant' ? 'of tenants' : label;
}
