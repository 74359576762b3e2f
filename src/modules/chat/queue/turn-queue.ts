import type { TurnPlace } from '../../plans/index.ts';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { SystemDatabase, TenantDatabase } from '../../../platform/database/index.ts';
import { WakeQueue } from '../../../platform/queue/index.ts';
import { RedisConnections } from '../../../platform/redis/index.ts';
import { Replica } from '../../../platform/replicas/index.ts';
import { metrics, safeError } from '../../../platform/telemetry/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import type { TurnRow } from '../turn/turn.ts';
import { deadlineGraceMs } from '../turn/turn-limits.ts';
import { claimTurn } from '../turn/turn-lifecycle.ts';
import { TurnRunner } from '../turn/turn-runner.ts';
import { QueueAnnouncer } from './queue-announcer.ts';
import { QueueLoad } from './queue-load.ts';
import { RouteSlots } from './route-slots.ts';
import { advanceClock, nextTurns, type QueuedTurn } from './turn-order.ts';

/** Turns that one look at the queue takes up at most. */
const pullBatch = 50;
/** Turns that a look asks for beyond the free slots, since others look at the same time. */
const spare = 4;
/** After a look that found only turns of full models, the next one is this much later, in milliseconds. */
const afterFullMs = 100;
/** BullMQ's highest priority number that we use; a lower number goes first. */
const lowestPriority = 101;

/**
 * The queue of turns that wait for a free place. Postgres knows the turns and their order (`turn-order.ts`); a BullMQ job for
 * each wakes a replica that has room, and the heartbeat looks too, so that a flush of Redis costs a second. A replica whose
 * slots are full looks again whenever one becomes free.
 */
@Injectable()
export class TurnQueue {
  private readonly logger = new Logger(TurnQueue.name);
  private readonly wakes: WakeQueue;
  /** Routes for which turns wait that this replica could not take; 'unknown' after news, until it has looked. */
  private waiting: 'unknown' | Set<string> = new Set();
  private pulling: Promise<void> | undefined;
  private again = false;
  private stopped = true;
  private foundFullAt = Number.NEGATIVE_INFINITY;
  private later: NodeJS.Timeout | undefined;

  constructor(
    redis: RedisConnections,
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly replica: Replica,
    private readonly runner: TurnRunner,
    private readonly routes: RouteSlots,
    private readonly load: QueueLoad,
    private readonly announcer: QueueAnnouncer,
    @Inject(chatConfig.token) private readonly config: ChatConfig,
  ) {
    this.wakes = new WakeQueue('turns', redis);
  }

  /** Begins to take turns up. */
  start(): void {
    this.stopped = false;
    this.replica.reportLoad(() => this.runner.load());
    this.replica.afterHeartbeat(() => this.beat());
    this.runner.onWork((news) => {
      if (news || this.waiting === 'unknown' || this.waiting.size > 0) this.look(true);
    });
    this.runner.onPutBack((tenantId, turn, { producer, ids }, delayMs) => {
      const retries = turn.retries + 1;
      this.announcer.watch(tenantId, { ...turn, state: 'queued', retries }, producer, ids);
      this.wakes.add(`${turn.id}-${retries}`, { priority: lowestPriority, delayMs });
    });
    this.wakes.listen(async () => {
      if (this.stopped || this.runner.free <= 0) return 'busy';
      this.waiting = 'unknown';
      await this.pull();
      return 'done';
    });
  }

  /** Takes no more turns up; those that wait are announced on. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.wakes.close();
  }

  /**
   * Holds a slot and a place at the model for a turn that is about to be committed. False when there is none, or when others
   * wait before it.
   */
  async reserve(route: string, turnId: string): Promise<boolean> {
    if (this.waiting === 'unknown' || this.waiting.has(route) || !this.runner.takeSlot()) return false;
    let taken = false;
    try {
      taken = await this.routes.take(route, turnId);
    } finally {
      if (!taken) this.runner.giveSlotBack();
    }
    return taken;
  }

  /** The places of turns that wait here. */
  places(): TurnPlace[] {
    return this.announcer.places();
  }

  /** Gives back what `reserve` held. */
  unreserve(turnId: string): void {
    this.routes.release(turnId);
    this.runner.giveSlotBack();
  }

  /** A turn was committed as queued, with its place in the tier `tier`. */
  entered(tenantId: string, turn: TurnRow, tier: number): void {
    this.announcer.watch(tenantId, turn);
    this.wakes.add(turn.id, { priority: lowestPriority - tier });
    this.look();
  }

  /** Something may wait: look when there is room. `placeIsFree`: a turn has just ended here, and its model has room for one. */
  look(placeIsFree = false): void {
    // What waits for a full model has just been looked at: it need not be with each turn that comes.
    const wait = this.foundFullAt + afterFullMs - performance.now();
    if (wait > 0 && !placeIsFree) {
      this.later ??= setTimeout(() => {
        this.later = undefined;
        this.look();
      }, wait);
      return;
    }
    this.waiting = 'unknown';
    this.pull().catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'the queue could not be read; trying again'));
  }

  /** Announces no more: another replica does when this one has signed off. */
  leave(): void {
    this.announcer.stop();
  }

  private beat(): void {
    void this.load.refresh().then((depth) => {
      if (depth > 0 && !this.stopped) this.look();
      this.announcer.tick(depth);
    });
  }

  /** Takes up what can be taken; calls while one runs are folded into one more round. */
  private async pull(): Promise<void> {
    if (this.pulling !== undefined) {
      this.again = true;
      return this.pulling;
    }
    this.pulling = (async () => {
      do {
        this.again = false;
        await this.pullOnce();
      } while (this.again && !this.stopped);
    })();
    try {
      await this.pulling;
    } finally {
      this.pulling = undefined;
      this.wakes.setOpen(!this.stopped && this.runner.free > 0 && this.waiting !== 'unknown' && this.waiting.size === 0);
    }
  }

  private async pullOnce(): Promise<void> {
    const full = new Set<string>();
    while (!this.stopped && this.runner.free > 0) {
      const limit = Math.min(pullBatch, this.runner.free + spare);
      const found = await this.system.run('turn-queue', (tx) => nextTurns(tx, [...full], limit));
      if (found.length === 0) {
        if (full.size > 0) this.foundFullAt = performance.now();
        if (!this.again) this.waiting = full;
        return;
      }
      await this.takeAll(found, full);
    }
  }

  private async takeAll(found: QueuedTurn[], full: Set<string>): Promise<void> {
    const clocks = new Map<number, number>();
    for (const turn of found) {
      if (full.has(turn.route)) continue;
      if (this.stopped || !this.runner.takeSlot()) break;
      const outcome = await this.take(turn);
      if (outcome === 'full') full.add(turn.route);
      if (outcome === 'taken') clocks.set(turn.tier, Math.max(clocks.get(turn.tier) ?? 0, turn.virtualStart));
    }
    for (const [tier, at] of clocks) await this.system.run('turn-queue', (tx) => advanceClock(tx, tier, at));
  }

  /** Claims one turn on a slot that is held for it. */
  private async take(seen: QueuedTurn): Promise<'taken' | 'full' | 'gone'> {
    let claimed: TurnRow | undefined;
    let placed = false;
    try {
      placed = await this.routes.take(seen.route, seen.id);
      if (!placed) return 'full';
      claimed = await this.database.forTenant(seen.tenantId, (tx) =>
        claimTurn(tx, seen.tenantId, {
          id: seen.id,
          seenAttempt: seen.attempt,
          owner: this.replica.id,
          deadlineMs: this.config.turnDeadlineMs + deadlineGraceMs,
        }),
      );
      if (claimed === undefined) return 'gone';
      this.announcer.handOver(seen.id);
      this.wakes.remove(seen.id);
      metrics.dequeuedTurns.inc();
      this.runner.run(seen.tenantId, claimed);
      return 'taken';
    } finally {
      if (claimed === undefined) {
        // Another replica may hold the place for the same turn: only one that we do not run is ours to give back.
        if (placed) this.routes.forget(seen.id);
        this.runner.giveSlotBack();
      }
    }
  }
}
