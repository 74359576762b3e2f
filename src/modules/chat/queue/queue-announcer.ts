import { Injectable, Logger } from '@nestjs/common';
import type { TurnPlace } from '../../plans/index.ts';
import { clock } from '../../../kernel/clock.ts';
import { SystemDatabase, TenantDatabase } from '../../../platform/database/index.ts';
import { Replica } from '../../../platform/replicas/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import { closingChunks, openingChunks, type QueueData, type TurnIds } from '../stream/chunks.ts';
import type { LogProducer } from '../stream/log-producer.ts';
import { turnIds } from '../turn/turn-run.ts';
import { isFinal, type TurnRow } from '../turn/turn.ts';
import { announceTurn } from '../turn/turn-lifecycle.ts';
import { ownTurns } from '../turn/turn-sweep.ts';
import { takeLog } from '../turn/take-log.ts';
import { TurnTools } from '../turn/turn-tools.ts';
import { QueueLoad } from './queue-load.ts';
import { RouteSlots } from './route-slots.ts';
import { positionsOf, type QueuePosition, unannouncedTurns } from './turn-order.ts';

/** Shortest time between two announcements of one turn, in milliseconds. */
const everyMs = 1_000;
/** Wait before the first look at turns that have just entered, in milliseconds: those of a burst are looked at together. */
const soonMs = 50;
/** Change that is worth telling: of the position beyond the first ones, and of the wait. */
const positionShare = 0.05;
const waitShare = 0.2;
/** Turns beyond which the queue is looked at less often, and how often then, in milliseconds. */
const longQueue = 1_000;
const longQueueEveryMs = 4_000;
/** Turns of replicas that are gone which one look takes over. */
const adoptBatch = 50;
/** Logs that are opened at once. */
const openAtOnce = 20;
/** How long the log of a turn may take to open, in milliseconds: the next look tries again. */
const openWithinMs = 5_000;

interface Announced {
  tenantId: string;
  turn: TurnRow;
  /** When it was put under watch, on the monotonic clock. */
  since: number;
  producer: LogProducer | undefined;
  /** Its log's ids; its epoch may have been raised. */
  ids: TurnIds;
  told: QueueData | undefined;
  toldAt: number;
}

/**
 * Tells the readers of waiting turns where they stand: `data-queue` chunks in the turn's log, on change and at most one a
 * second. The replica that queued a turn announces it, under the attempt that the turn has while it waits; when that replica
 * is gone, another one takes the announcing over with the next attempt.
 */
@Injectable()
export class QueueAnnouncer {
  private readonly logger = new Logger(QueueAnnouncer.name);
  private readonly announced = new Map<string, Announced>();
  private looking = false;
  private lastLook = 0;
  private soon: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly replica: Replica,
    private readonly load: QueueLoad,
    private readonly routes: RouteSlots,
    private readonly tools: TurnTools,
  ) {}

  /** Announces a turn from now on. `producer` and `ids`: its log, where this replica has it open already (a turn that was put back). */
  watch(tenantId: string, turn: TurnRow, producer?: LogProducer, ids?: TurnIds): void {
    if (this.stopped) return producer?.close();
    this.announced.set(turn.id, {
      tenantId,
      turn,
      since: performance.now(),
      producer,
      ids: ids ?? turnIds(tenantId, turn),
      told: undefined,
      toldAt: 0,
    });
    if (this.soon !== undefined) return;
    const wait = Math.max(soonMs, this.lastLook + everyMs - performance.now());
    this.soon = setTimeout(() => {
      this.soon = undefined;
      this.tick(0);
    }, wait);
  }

  /** A turn was taken up here: its next attempt writes the log. */
  handOver(turnId: string): void {
    this.announced.get(turnId)?.producer?.close();
    this.announced.delete(turnId);
  }

  /** Looks where the turns stand, once a second. `depth`: how many wait, over all replicas. */
  tick(depth: number): void {
    if (this.looking || this.stopped) return;
    this.looking = true;
    this.lookAround(depth)
      .catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'the queue could not be announced'))
      .finally(() => {
        this.looking = false;
      });
  }

  /** Announces no more: another replica takes over. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.soon);
    for (const { producer } of this.announced.values()) producer?.close();
    this.announced.clear();
  }

  /** The places of the turns that it announces. */
  places(): TurnPlace[] {
    return [...this.announced.values()].map(({ tenantId, turn }) => ({ tenantId, visitorId: turn.visitorId, turnId: turn.id }));
  }

  private async lookAround(depth: number): Promise<void> {
    // A long queue is looked at less often: to number it costs Postgres as much as it is long.
    if (depth > longQueue && performance.now() < this.lastLook + longQueueEveryMs) return;
    if (depth > 0) await this.adopt();
    if (this.announced.size === 0) return;
    this.lastLook = performance.now();
    const routes = new Set([...this.announced.values()].map(({ turn }) => turn.route));
    const limited = [...routes].filter((route) => this.routes.limitOf(route) !== undefined);
    const positions = await this.system.run('turn-queue', (tx) => positionsOf(tx, this.replica.id, limited));
    const byId = new Map(positions.map((position) => [position.id, position]));
    const gone = [...this.announced.values()].filter(({ turn, since }) => since < this.lastLook && !byId.has(turn.id));
    if (gone.length > 0) await this.leave(gone);
    await this.tell(positions);
  }

  private async tell(positions: QueuePosition[]): Promise<void> {
    const waits = await this.load.waits(positions);
    const due: { entry: Announced; data: QueueData }[] = [];
    for (const [at, { id, position, retryIn }] of positions.entries()) {
      const entry = this.announced.get(id);
      if (entry === undefined || performance.now() < entry.toldAt + everyMs * 0.9) continue;
      const data = dataOf(position, waits[at], retryIn, entry.turn.retries);
      if (isNews(entry.told, data)) due.push({ entry, data });
    }
    while (due.length > 0) await Promise.all(due.splice(0, openAtOnce).map(({ entry, data }) => this.announce(entry, data)));
  }

  private async announce(entry: Announced, data: QueueData): Promise<void> {
    try {
      entry.producer ??= await this.open(entry);
    } catch (error) {
      return this.logger.debug({ error: safeError(error) }, 'the log of a waiting turn could not be opened; trying again');
    }
    // It may have been taken up meanwhile.
    if (this.announced.get(entry.turn.id) !== entry) return entry.producer.close();
    entry.told = data;
    entry.toldAt = performance.now();
    entry.producer.add([{ type: 'data-queue', data, transient: true }]);
  }

  private async open({ tenantId, turn, ids }: Announced): Promise<LogProducer> {
    const key = await this.tools.storage.keyRing.visitorKey(tenantId, turn.visitorId);
    const { log, producer } = await takeLog(
      { tenantId, turn, ids, key, fresh: turn.attempt === 0, deadlineAt: clock.now() + openWithinMs, onLost: () => this.handOver(turn.id) },
      this.tools,
    );
    if (log.next === 0) producer.add(openingChunks(ids).slice(0, 1));
    return producer;
  }

  /** Turns that wait no more: taken up elsewhere, or stopped, and then their readers are told. */
  private async leave(gone: Announced[]): Promise<void> {
    const ids = gone.map(({ turn }) => turn.id);
    const stored = await this.system.run('turn-queue', (tx) => ownTurns(tx, ids));
    const byId = new Map(stored.map((turn) => [turn.id, turn]));
    for (const entry of gone) {
      const { id, attempt } = entry.turn;
      const now = byId.get(id);
      const ours = now?.attempt === attempt;
      // The look before was older than its entering.
      if (ours && now.state === 'queued') continue;
      this.announced.delete(id);
      if (ours && isFinal(now.state)) this.tellStopped(entry);
      else entry.producer?.close();
    }
  }

  private tellStopped({ turn, producer, ids }: Announced): void {
    if (producer === undefined) return;
    // A turn that was tried before has its step open.
    const startStep = turn.runs > 0 ? undefined : openingChunks(ids)[1];
    const ending = closingChunks(ids, { finishReason: 'interrupted', status: 'stopped', model: null, usage: null });
    producer.finish(startStep === undefined ? ending : [startStep, ...ending]).catch(() => undefined);
  }

  /** Takes over the announcing of turns whose replica is gone, or that nobody announced yet. */
  private async adopt(): Promise<void> {
    const gone = this.replica.gone();
    if (gone === undefined) return;
    const left = await this.system.run('turn-queue', (tx) => unannouncedTurns(tx, gone, adoptBatch));
    for (const { tenantId, id, attempt } of left) {
      const turn = await this.database.forTenant(tenantId, (tx) =>
        announceTurn(tx, tenantId, { id, seenAttempt: attempt, owner: this.replica.id }),
      );
      if (turn !== undefined) this.watch(tenantId, turn);
    }
  }
}

function dataOf(position: number, wait: number | undefined, retryIn: number, retries: number): QueueData {
  const seconds = wait === undefined && retryIn === 0 ? undefined : Math.round(Math.max(wait ?? 0, retryIn) * 10) / 10;
  return { position, ...(seconds === undefined ? {} : { estimated_wait_seconds: seconds }), ...(retries === 0 ? {} : { retries }) };
}

/** Worth telling: any move among the first, a share of the way further back; a wait that was not known or has changed much. */
function isNews(told: QueueData | undefined, data: QueueData): boolean {
  if (told === undefined) return true;
  if (Math.abs(told.position - data.position) >= Math.max(1, Math.floor(told.position * positionShare))) return true;
  const [before, now] = [told.estimated_wait_seconds, data.estimated_wait_seconds];
  if (before === undefined || now === undefined) return before !== now;
  return Math.abs(before - now) > Math.max(1, before * waitShare);
}
