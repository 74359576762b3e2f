import { Inject, Injectable, Logger } from '@nestjs/common';
import { SystemDatabase, TenantDatabase } from '../../../platform/database/index.ts';
import { Replica, ReplicaBus } from '../../../platform/replicas/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import { RouteSlots } from '../queue/route-slots.ts';
import { deadlineGraceMs, sweepBatch } from './turn-limits.ts';
import { claimTurn } from './turn-lifecycle.ts';
import { orphanedTurns, ownTurns, type SweptTurn } from './turn-sweep.ts';
import { TurnRunner } from './turn-runner.ts';

/** Turns that are claimed at the same time: some of the pool's connections, so that new messages still find one. */
const claimsAtOnce = 8;

/**
 * Keeps turns and Postgres together: with each heartbeat it looks how the turns that run here stand there (stopped, taken
 * over, deleted), and takes up those whose replica is gone. Turns that wait for a free place are the queue's (`queue/`).
 */
@Injectable()
export class TurnSweeper {
  private readonly logger = new Logger(TurnSweeper.name);
  private sweeping: Promise<void> | undefined;
  private again = false;
  private stopped = false;

  constructor(
    private readonly replica: Replica,
    private readonly bus: ReplicaBus,
    private readonly runner: TurnRunner,
    private readonly routes: RouteSlots,
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    @Inject(chatConfig.token) private readonly config: ChatConfig,
  ) {}

  /** Starts sweeping with each heartbeat. */
  start(): void {
    this.replica.afterHeartbeat(() => {
      this.checkOwn().catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'own turns could not be checked'));
      this.sweepSoon();
    });
    this.bus
      .onHint('stop-turn', ({ turnId }) => this.runner.cut(turnId, 'stop'))
      .catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'no hints'));
  }

  /** Takes up nothing more. */
  stop(): void {
    this.stopped = true;
  }

  private sweepSoon(): void {
    this.sweep().catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'sweep failed; the next heartbeat tries again'));
  }

  /** Looks how the turns that run here stand. */
  private async checkOwn(): Promise<void> {
    const mine = this.runner.running();
    if (mine.length === 0) return;
    const stored = await this.system.run('turn-sweep', (tx) =>
      ownTurns(
        tx,
        mine.map(({ id }) => id),
      ),
    );
    const byId = new Map(stored.map((turn) => [turn.id, turn]));
    for (const { id, attempt } of mine) {
      const turn = byId.get(id);
      if (turn === undefined || turn.attempt > attempt) this.runner.cut(id, 'lost', attempt);
      else if (turn.stopRequested) this.runner.cut(id, 'stop', attempt);
    }
  }

  /** Claims what can be claimed; calls while one runs are folded into one more round. */
  private async sweep(): Promise<void> {
    if (this.sweeping !== undefined) {
      this.again = true;
      return this.sweeping;
    }
    this.sweeping = (async () => {
      do {
        this.again = false;
        await this.sweepOnce();
      } while (this.again);
    })();
    try {
      await this.sweeping;
    } finally {
      this.sweeping = undefined;
    }
  }

  private async sweepOnce(): Promise<void> {
    const gone = this.replica.gone();
    if (gone === undefined || this.stopped) return;
    const found = await this.system.run('turn-sweep', (tx) =>
      orphanedTurns(tx, { self: this.replica.id, gone, held: this.runner.held() }, sweepBatch),
    );
    // Some at once: after the loss of a replica many readers wait for theirs.
    for (let at = 0; at < found.length; at += claimsAtOnce)
      await Promise.all(found.slice(at, at + claimsAtOnce).map((turn) => this.take(turn)));
    if (found.length === sweepBatch) this.again = true;
  }

  private async take(seen: SweptTurn): Promise<void> {
    if (this.stopped) return;
    // Somebody is in the middle of this answer: it does not wait for a free slot, nor behind those that have not begun.
    this.runner.takeSlotAnyway();
    let claimed = false;
    try {
      // It had a place at its model already.
      await this.routes.take(seen.route, seen.id, true);
      const turn = await this.database.forTenant(seen.tenantId, (tx) =>
        claimTurn(tx, seen.tenantId, {
          id: seen.id,
          seenAttempt: seen.attempt,
          owner: this.replica.id,
          deadlineMs: this.config.turnDeadlineMs + deadlineGraceMs,
        }),
      );
      if (turn === undefined) return;
      claimed = true;
      // An older attempt of ours that has passed its deadline ends now.
      this.runner.cut(turn.id, 'lost', turn.attempt - 1);
      this.runner.run(seen.tenantId, turn);
    } finally {
      if (!claimed) {
        this.routes.forget(seen.id);
        this.runner.giveSlotBack();
      }
    }
  }
}
