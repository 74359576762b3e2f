import { Inject, Injectable, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { RedisConnections } from '../../../platform/redis/index.ts';
import { Replica } from '../../../platform/replicas/index.ts';
import { KeyPace } from './key-pace.ts';
import type { Pace, PaceAnswer, PaceKey, PaceLease, PaceRequest, PaceView } from './pace.ts';
import { digestOf, PaceStore } from './pace-store.ts';
import type { PaceContext } from './pace-talk.ts';

/** Keys that are remembered although nobody uses them, at most. */
const maxIdle = 1_000;

/** Injection token of `PaceTiming`; without one a minute is a minute. */
export const paceTiming = Symbol('pace timing');

/** For tests: a shorter minute. */
export interface PaceTiming {
  windowMs: number;
  pauseCapMs: number;
}

const defaultTiming: PaceTiming = { windowMs: 60_000, pauseCapMs: 60_000 };

/**
 * Keeps all replicas together below the rate limits that providers have for a credential and model. The limits are learned from
 * their answers, the count is in Redis; the README beside this file says how.
 */
@Injectable()
export class Pacer implements OnApplicationShutdown {
  private readonly context: PaceContext;
  private readonly keys = new Map<string, KeyPace>();

  constructor(
    @Inject(RedisConnections) redis: Pick<RedisConnections, 'commands'>,
    @Inject(Replica) replica: Pick<Replica, 'id' | 'loads'>,
    @Optional() @Inject(paceTiming) timing: PaceTiming = defaultTiming,
  ) {
    this.context = { store: new PaceStore(redis), replicaId: replica.id, replicas: () => replica.loads().length, ...timing };
  }

  /**
   * Takes a call's share of requests and tokens, or says how long until there is one. At once while the key is far from its limits,
   * else one round trip; never waits, never rejects. Grants when nothing is known of the key. Whoever came before, on any replica,
   * goes first.
   */
  try(request: PaceRequest): Promise<Pace> {
    return this.of(request.key).try(request);
  }

  /**
   * Waits for a call's share, in the order of coming over all replicas, live calls before background work. Rejects with
   * ModelError: `throttled` when it would be too late for the deadline (`retryAfterMs` says when), `aborted` with the signal.
   */
  acquire(request: PaceRequest): Promise<PaceLease> {
    return this.of(request.key).acquire(request);
  }

  /** Learns from the beginning of an answer, refusals included. Gathered for a moment, then told to all replicas. */
  observe(key: PaceKey, answer: PaceAnswer): void {
    this.of(key).observe(answer);
  }

  /**
   * After a call, once: gives back what it did not use of its tokens (prompt and answer together), and takes what it used beyond.
   * Undefined (nobody knows) gives nothing back; 0 is right only where the provider served nothing.
   */
  settle(lease: PaceLease, usedTokens: number | undefined): void {
    this.of(lease.key).settle(lease, usedTokens);
  }

  /**
   * Tokens that the provider allows a key in a minute, prompts and answers together, as it has told this replica; undefined where it has
   * not, or counts prompts alone. Only looks.
   */
  most(key: PaceKey): number | undefined {
    return this.keys.get(digestOf(key))?.most;
  }

  /** What is known of each key that was used here. */
  view(): PaceView[] {
    return [...this.keys.values()].map((key) => key.view());
  }

  onApplicationShutdown(): void {
    for (const key of this.keys.values()) key.close();
  }

  private of(key: PaceKey): KeyPace {
    const digest = digestOf(key);
    let found = this.keys.get(digest);
    if (found === undefined) {
      this.forgetIdle();
      found = new KeyPace({ ...key }, this.context);
      this.keys.set(digest, found);
    }
    return found;
  }

  private forgetIdle(): void {
    if (this.keys.size < maxIdle) return;
    const idle = [...this.keys].filter(([, key]) => key.idle).sort(([, a], [, b]) => a.usedAt - b.usedAt);
    for (const [digest] of idle.slice(0, Math.ceil(maxIdle / 10))) this.keys.delete(digest);
  }
}
