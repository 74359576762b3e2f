import type { PaceMark } from './pace.ts';

/** Part of a limit that may go out at once. */
const burstPart = 0.1;
/** Part of its share that a replica uses: nobody tells it what the others do. */
const usedPart = 0.9;

/** What a replica may do of a key while Redis is away: the limits that it remembers, shared out evenly. Times are `performance.now()`. */
export class LocalPace {
  private readonly buckets = new Map<keyof PaceMark, { level: number; at: number }>();
  private pausedUntil = -Infinity;

  constructor(
    private readonly windowMs: number,
    private readonly known: () => Partial<PaceMark>,
    private readonly replicas: () => number,
  ) {}

  /** Stays away until then. */
  pause(until: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, until);
  }

  /** Takes a call's share; gives 0, or the milliseconds until there is one. */
  take(tokens: number, now = performance.now()): number {
    const known = this.known();
    const costs = (['requests', 'tokens'] as const).map((kind) => ({
      cost: kind === 'requests' ? 1 : tokens,
      ...this.fill(kind, known[kind], now),
    }));
    const waits = costs.map(({ bucket, burst, rate, cost }) => {
      const missing = Math.min(cost, burst) - bucket.level;
      return missing > 0 ? missing / rate : 0;
    });
    const wait = Math.max(this.pausedUntil - now, ...waits);
    if (wait > 0) return wait;
    for (const { bucket, cost } of costs) bucket.level -= cost;
    return 0;
  }

  private fill(kind: keyof PaceMark, limit: number | undefined, now: number) {
    if (limit === undefined) return { bucket: { level: Infinity, at: now }, burst: Infinity, rate: Infinity };
    const share = (limit * usedPart) / Math.max(1, this.replicas());
    const [burst, rate] = [Math.max(1, share * burstPart), share / this.windowMs];
    const bucket = this.buckets.get(kind) ?? { level: burst, at: now };
    bucket.level = Math.min(burst, bucket.level + (now - bucket.at) * rate);
    bucket.at = now;
    this.buckets.set(kind, bucket);
    return { bucket, burst, rate };
  }
}
