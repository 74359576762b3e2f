import { clock } from '../../../kernel/clock.ts';

/** Size and age of what is kept. */
export interface RecentLimits {
  /** The least recently used go first. */
  maxEntries: number;
  /** Milliseconds, counted from when the look-up began. */
  maxAgeMs: number;
}

interface Kept<V> {
  value: V;
  until: number;
}

/**
 * What was looked up a moment ago: a small least-recently-used map in memory whose entries also grow old. Look-ups of one
 * key at the same time share one load. A load that `forget` overtakes is not kept, since it may have read the past.
 */
export class RecentValues<V extends object> {
  private readonly kept = new Map<string, Kept<V>>();
  private readonly loading = new Map<string, Promise<V | undefined>>();

  constructor(private readonly limits: RecentLimits) {}

  /** The kept value, or what `load` gives. An `undefined` is handed on but not kept. */
  async get(key: string, load: () => Promise<V | undefined>): Promise<V | undefined> {
    const known = this.peek(key);
    if (known !== undefined) return known;
    const running = this.loading.get(key);
    if (running !== undefined) return running;
    const startedAt = clock.now();
    const started = load();
    this.loading.set(key, started);
    try {
      const value = await started;
      if (value !== undefined && this.loading.get(key) === started) this.keep(key, value, startedAt);
      return value;
    } finally {
      if (this.loading.get(key) === started) this.loading.delete(key);
    }
  }

  /** The kept value if it is not too old. */
  peek(key: string): V | undefined {
    const known = this.kept.get(key);
    if (known === undefined) return undefined;
    this.kept.delete(key);
    if (known.until <= clock.now()) return undefined;
    this.kept.set(key, known);
    return known.value;
  }

  /** Keeps a value from now on, or from `since` (milliseconds since the epoch). */
  keep(key: string, value: V, since = clock.now()): void {
    this.kept.delete(key);
    this.kept.set(key, { value, until: since + this.limits.maxAgeMs });
    if (this.kept.size > this.limits.maxEntries) this.kept.delete(this.kept.keys().next().value as string);
  }

  /** Drops every value that `matches`, and lets no running load be kept. */
  forget(matches: (value: V) => boolean): void {
    this.loading.clear();
    for (const [key, { value }] of this.kept) if (matches(value)) this.kept.delete(key);
  }
}
