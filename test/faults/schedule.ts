import type { SeededRandom } from './support/random.ts';

/** One fault of a run. Times are milliseconds from the run's beginning. */
export type Fault = { atMs: number } & (
  | { kind: 'kill' | 'terminate'; replica: number; backAfterMs: number }
  | { kind: 'pause'; replica: number; forMs: number }
  | { kind: 'flush-redis' | 'restart-redis-kept' | 'restart-redis-empty' | 'restart-postgres' }
  | { kind: 'redis-away' | 'postgres-away'; how: 'stall' | 'refuse'; forMs: number }
  | { kind: 'slow-upstream'; maxMs: number; forMs: number }
  | { kind: 'bad-network'; where: 'clients' | 'redis' | 'postgres' | 'model'; how: NetworkTrouble; forMs: number }
);

/** What a fault proxy does meanwhile. */
export interface NetworkTrouble {
  delayMs: number;
  slices: number;
  resetChance: number;
}

/** Kinds of faults. */
export type FaultKind = Fault['kind'];

/** How often each kind is drawn, out of their sum. */
const weights: Record<FaultKind, number> = {
  kill: 30,
  pause: 12,
  terminate: 10,
  'flush-redis': 6,
  'restart-redis-kept': 4,
  'restart-redis-empty': 4,
  'redis-away': 4,
  'restart-postgres': 5,
  'postgres-away': 4,
  'slow-upstream': 5,
  'bad-network': 16,
};

/** How long a service is unreachable, in milliseconds. */
const awayMs = 10_000;

/** All faults of a run, from its seed alone: one every two to five seconds, each kind at least once where there is time. */
export function planFaults(random: SeededRandom, { durationMs, replicas }: { durationMs: number; replicas: number }): Fault[] {
  const times: number[] = [];
  for (let at = random.integer(1_000, 3_000); at < durationMs; at += random.integer(2_000, 5_000)) times.push(at);
  const kinds = times.map(() => draw(random));
  // A short run would leave out the rare ones, which are the telling ones.
  const missing = (Object.keys(weights) as FaultKind[]).filter((kind) => !kinds.includes(kind));
  for (const [at, kind] of missing.entries()) {
    const place = Math.floor(((at + 0.5) * kinds.length) / missing.length);
    if (kinds.filter((other) => other === kinds[place]).length > 1) kinds[place] = kind;
  }
  return times.map((atMs, at) => ({ atMs, ...detail(random, kinds[at] ?? 'kill', replicas) }) as Fault);
}

function draw(random: SeededRandom): FaultKind {
  const entries = Object.entries(weights) as [FaultKind, number][];
  let rest = random.next() * entries.reduce((total, [, weight]) => total + weight, 0);
  for (const [kind, weight] of entries) {
    rest -= weight;
    if (rest < 0) return kind;
  }
  return 'kill';
}

function detail(random: SeededRandom, kind: FaultKind, replicas: number): object {
  const replica = random.integer(0, replicas - 1);
  if (kind === 'kill' || kind === 'terminate') return { kind, replica, backAfterMs: random.integer(0, 3_000) };
  if (kind === 'pause') return { kind, replica, forMs: random.integer(1_000, 9_000) };
  if (kind === 'redis-away' || kind === 'postgres-away') return { kind, how: random.pick(['stall', 'refuse']), forMs: awayMs };
  if (kind === 'slow-upstream') return { kind, maxMs: random.integer(200, 1_500), forMs: random.integer(3_000, 8_000) };
  if (kind !== 'bad-network') return { kind };
  const where = random.pick(['clients', 'clients', 'redis', 'postgres', 'model']);
  const how = random.pick<NetworkTrouble>([
    { delayMs: 150, slices: 0, resetChance: 0 },
    { delayMs: 0, slices: 1, resetChance: 0 },
    { delayMs: 20, slices: 0, resetChance: where === 'clients' ? 0.003 : 0.01 },
  ]);
  return { kind, where, how, forMs: random.integer(2_000, 6_000) };
}

/** One line for people. */
export function describeFault({ atMs, kind, ...rest }: Fault): string {
  return `${(atMs / 1_000).toFixed(1).padStart(7)} s  ${kind} ${JSON.stringify(rest).replaceAll('"', '')}`;
}
