import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ReplicaBus } from '../replicas/index.ts';
import { metrics, safeError } from '../telemetry/index.ts';
import { KeyRing } from './key-ring.ts';
import { type KeyChange, Keystore } from './keystore.ts';

/** How often the keystore is asked for changes, in milliseconds: with the time of a transaction well within five seconds. */
const pollMs = 2_000;

/**
 * Has this replica's key ring let go of keys that were changed or erased anywhere. Hints over Redis bring word of it at once; the
 * keystore itself is asked every two seconds, since a hint may be lost and Redis be away.
 */
@Injectable()
export class KeyChanges implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(KeyChanges.name);
  private timer: NodeJS.Timeout | undefined;
  private readonly erasedListeners: ((tenantId: string, subjectId: string | null) => void)[] = [];
  private last: number | undefined;
  private stopped = false;

  constructor(
    private readonly keystore: Keystore,
    private readonly keyRing: KeyRing,
    private readonly bus: ReplicaBus,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    // Before the first key is held, as far as can be told; what was held earlier goes with the time that keys are held at most.
    this.last = await this.keystore.lastChange().catch(() => undefined);
    this.later();
    await this.bus
      .onHint('keys-changed', (change) => this.apply(change))
      .catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'no hints of keys'));
  }

  /**
   * Calls `listener` soon after somebody was erased anywhere, once or more: what is remembered of them has to go. Null: a whole tenant.
   */
  onErased(listener: (tenantId: string, subjectId: string | null) => void): void {
    this.erasedListeners.push(listener);
  }

  /** Asks the keystore now, and says in the metrics what it tells. */
  async look(): Promise<void> {
    for (let more = true; more;) {
      // Where it could not be asked at the start, everything that it tells of may concern what is held.
      const found = await this.keystore.changesAfter(this.last ?? 0);
      for (const change of found.changes) this.apply(change);
      ({ last: this.last, more } = found);
    }
    metrics.keysInMemory.set(this.keyRing.held);
    const { jobs, rows } = await this.keystore.runningJobs();
    metrics.keyJobs.set(jobs);
    metrics.keyJobRows.set(rows);
  }

  private apply({ tenantId, subjectId, erased }: KeyChange): void {
    this.keyRing.forget(tenantId, subjectId);
    if (erased === true) for (const listener of this.erasedListeners) listener(tenantId, subjectId);
  }

  private later(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.look()
        .catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'changes of keys cannot be read'))
        .finally(() => this.later());
    }, pollMs);
    this.timer.unref();
  }

  onApplicationShutdown(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }
}
