import { Inject, Injectable, Logger } from '@nestjs/common';
import { AppError } from '../../../kernel/app-error.ts';
import { clock } from '../../../kernel/clock.ts';
import { toAppError } from '../../../platform/http/index.ts';
import { metrics, safeError } from '../../../platform/telemetry/index.ts';
import { ReplicaBus, type ReplicaLoad } from '../../../platform/replicas/index.ts';
import type { TurnPlace } from '../../plans/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import { RouteSlots } from '../queue/route-slots.ts';
import { ServiceTime } from '../queue/wait-estimate.ts';
import { loadContext } from './steps/load-context.ts';
import { openLog } from './steps/open-log.ts';
import { record } from './steps/record.ts';
import { streamAnswer } from './steps/stream-answer.ts';
import { tryLater } from './steps/try-later.ts';
import type { TurnIds } from '../stream/chunks.ts';
import type { LogProducer } from '../stream/log-producer.ts';
import { TurnLog } from '../stream/turn-log.ts';
import { endWithoutLog } from './end-without-log.ts';
import type { TurnRow } from './turn.ts';
import { letGoOfTurn } from './turn-lifecycle.ts';
import { whileAvailable } from './while-available.ts';
import { type CutReason, turnIds, TurnLost, type TurnRun } from './turn-run.ts';
import { TurnTools } from './turn-tools.ts';

/** The life of a claimed turn, step by step. */
const steps = [openLog, loadContext, streamAnswer, tryLater, record];

/** Hears of a turn that went back into the queue, to be tried again after `delayMs` milliseconds; its log stays open. */
type PutBackListener = (tenantId: string, turn: TurnRow, log: { producer: LogProducer | undefined; ids: TurnIds }, delayMs: number) => void;

/** Runs the turns that this replica has claimed, a bounded number at a time. */
@Injectable()
export class TurnRunner {
  private readonly logger = new Logger(TurnRunner.name);
  private readonly runs = new Map<string, TurnRun>();
  /** Turns that were handed over to run, with how many of their attempts are here. */
  private readonly holding = new Map<string, number>();
  private slots: number;
  private workListener: (news: boolean) => void = () => undefined;
  private putBackListener: PutBackListener = () => undefined;
  private readonly serviceTime = new ServiceTime();
  private readonly ends = new Set<() => void>();

  constructor(
    private readonly tools: TurnTools,
    private readonly routes: RouteSlots,
    private readonly bus: ReplicaBus,
    @Inject(chatConfig.token) private readonly config: ChatConfig,
  ) {
    this.slots = config.maxRunningTurns;
  }

  /** Holds a slot for a turn; false when all are taken. */
  takeSlot(): boolean {
    if (this.slots <= 0) return false;
    this.slots -= 1;
    return true;
  }

  /** Holds a slot also where none is free: the next ones that become free pay for it. */
  takeSlotAnyway(): void {
    this.slots -= 1;
  }

  /** Gives back a slot that was held for nothing. */
  giveSlotBack(): void {
    this.slots += 1;
  }

  /** Free slots. */
  get free(): number {
    return this.slots;
  }

  /** Takes no more turns. */
  closeSlots(): void {
    this.slots = Number.NEGATIVE_INFINITY;
  }

  /** Ids of the turns that run here, with their attempts. */
  running(): { id: string; attempt: number }[] {
    return [...this.runs.values()].map(({ turn }) => ({ id: turn.id, attempt: turn.attempt }));
  }

  /** Holds the places of all turns that run here, and of `others`. */
  holdPlaces(others: readonly TurnPlace[]): void {
    this.tools.door.hold([...[...this.runs.values()].map(placeOf), ...others]);
  }

  /** Ids of the turns that this replica has in its hands, also those that are just beginning. */
  held(): string[] {
    return [...this.holding.keys()];
  }

  /** What this replica can carry and carries. */
  load(): ReplicaLoad {
    const slots = this.slots === Number.NEGATIVE_INFINITY ? 0 : this.config.maxRunningTurns;
    return { slots, running: this.runs.size, serviceSeconds: this.serviceTime.seconds ?? null };
  }

  /** Calls `listener` when a slot is free; with `true` when a turn has just been queued besides. */
  onWork(listener: (news: boolean) => void): void {
    this.workListener = listener;
  }

  /** Calls `listener` when a turn goes back into the queue. */
  onPutBack(listener: PutBackListener): void {
    this.putBackListener = listener;
  }

  /** Says that a turn has got its place in the queue. */
  lookForWork(): void {
    this.workListener(true);
  }

  /** Runs a turn that this replica has claimed, on a slot that was taken for it. `known`: what its commit has read and reserved. */
  run(tenantId: string, turn: TurnRow, known: Pick<TurnRun, 'history' | 'reserved'> = {}): void {
    // A first attempt's log is within reach at once, so that the sender reads it here and not by way of Redis. The readers of a
    // turn that waited follow it there already, wherever it runs.
    const log = turn.attempt === 1 && !turn.queued ? new TurnLog(turn.id, turn.epoch) : undefined;
    if (log !== undefined) this.tools.streaming.logs.addProduced(log);
    this.holding.set(turn.id, (this.holding.get(turn.id) ?? 0) + 1);
    void this.runToItsEnd(tenantId, turn, log, known);
  }

  /** Cuts a turn that runs here; nothing happens when it does not. With `attempt`, only that attempt. */
  cut(turnId: string, reason: CutReason, attempt?: number): void {
    const run = this.runs.get(turnId);
    if (run === undefined || run.cutReason !== undefined || (attempt !== undefined && run.turn.attempt !== attempt)) return;
    run.cutReason = reason;
    if (reason !== 'stop') run.producer?.close();
    run.abort.abort();
  }

  /** Tells whoever runs a turn, which has been asked to stop in Postgres, not to wait for the heartbeat. */
  hurryStop(tenantId: string, turnId: string): void {
    this.cut(turnId, 'stop');
    this.bus.hint({ kind: 'stop-turn', tenantId, turnId });
  }

  /** Resolves when no turn runs here any more. */
  async idle(): Promise<void> {
    while (this.runs.size > 0) await new Promise<void>((resolve) => this.ends.add(resolve));
  }

  private async runToItsEnd(
    tenantId: string,
    turn: TurnRow,
    log: TurnLog | undefined,
    known: Pick<TurnRun, 'history' | 'reserved'>,
  ): Promise<void> {
    let run: TurnRun | undefined;
    try {
      run = Object.assign(await this.begin(tenantId, turn, log), known);
      await this.stepThrough(run);
    } catch (error) {
      if (!(error instanceof TurnLost)) await this.giveUp(tenantId, turn, run, error);
      else if (run?.cutReason === 'drain') await this.letGoOf(run);
    } finally {
      if (run !== undefined) this.end(run);
      else if (log !== undefined) this.closeLog(log);
      // An older attempt that ends here leaves the place to the newer one.
      if (this.letGo(turn.id)) this.routes.release(turn.id);
      this.slots += 1;
      this.workListener(run?.promoted === true);
    }
  }

  private async begin(tenantId: string, turn: TurnRow, log: TurnLog | undefined): Promise<TurnRun> {
    const { config, storage } = this.tools;
    const startedAt = performance.now();
    const deadlineAt = clock.now() + config.turnDeadlineMs;
    const run: TurnRun = {
      tenantId,
      turn,
      ids: turnIds(tenantId, turn),
      key: await whileAvailable(deadlineAt, () => storage.keyRing.visitorKey(tenantId, turn.visitorId)),
      abort: new AbortController(),
      deadlineAt,
      startedAt,
      ...(log === undefined ? {} : { log }),
    };
    this.runs.set(turn.id, run);
    // It came in elsewhere, or long ago.
    if (turn.attempt > 1 || turn.queued) this.tools.door.hold([placeOf(run)]);
    metrics.runningTurns.set(this.runs.size);
    return run;
  }

  private async stepThrough(run: TurnRun): Promise<void> {
    for (const step of steps) {
      try {
        if (step === openLog || step === loadContext) await whileAvailable(run.deadlineAt, () => step(run, this.tools));
        else await step(run, this.tools);
      } catch (error) {
        if (error instanceof TurnLost || step === record) throw error;
        await this.fail(run, error);
        return;
      }
      if (run.putBack === true) return;
    }
  }

  /** A step failed for a reason of ours: the turn ends as failed, and its reader is told. */
  private async fail(run: TurnRun, error: unknown): Promise<void> {
    const problem = toAppError(error);
    if (problem.status >= 500) this.logger.error({ turn: run.turn.id, error: safeError(error) }, 'a step of a turn failed');
    if (run.producer === undefined) throw error;
    run.answer = {
      text: '',
      finishReason: 'interrupted',
      usage: null,
      problem: new AppError(problem.code, problem.status, problem.message),
    };
    await record(run, this.tools);
  }

  /** Without a log nobody would hear of the failure before the turn is taken up again, or its deadline has passed. */
  private async giveUp(tenantId: string, turn: TurnRow, run: TurnRun | undefined, error: unknown): Promise<void> {
    this.logger.error({ turn: turn.id, error: safeError(error) }, 'a turn could not be finished');
    if (run?.producer !== undefined || run?.cutReason === 'lost' || run?.cutReason === 'drain') return;
    await endWithoutLog(this.tools, tenantId, turn, error, run?.cutReason === 'stop').catch((failure: unknown) =>
      this.logger.warn({ turn: turn.id, error: safeError(failure) }, 'a failed turn could not be ended; it is taken up again'),
    );
  }

  /**
   * Hands a turn that was cut by a drain to whoever takes it: at once, and without counting as a run that failed. What is known of its last call is
   * booked now, since nobody knows it afterwards.
   */
  private async letGoOf({ tenantId, turn, calls }: TurnRun): Promise<void> {
    const { database, quota } = this.tools.storage;
    const use = calls?.use();
    await database
      .forTenant(tenantId, async (tx) => {
        const ours = await letGoOfTurn(tx, tenantId, turn, calls?.untouched ?? true);
        if (ours && use !== undefined) await quota.settle(tx, tenantId, turn.id, { use, begun: true, answered: true });
      })
      .catch((error: unknown) => this.logger.debug({ turn: turn.id, error: safeError(error) }, 'a turn could not be handed over at once'));
  }

  /** True when no attempt of the turn is here any more. */
  private letGo(turnId: string): boolean {
    const left = (this.holding.get(turnId) ?? 1) - 1;
    if (left === 0) this.holding.delete(turnId);
    else this.holding.set(turnId, left);
    return left === 0;
  }

  private closeLog(log: TurnLog): void {
    this.tools.streaming.logs.removeProduced(log);
    if (!log.sealed) log.break();
  }

  private end(run: TurnRun): void {
    const { log, producer, turn, tenantId } = run;
    const seconds = (performance.now() - run.startedAt) / 1_000;
    if (run.putBack === true) this.putBackListener(tenantId, turn, { producer, ids: run.ids }, this.tools.retries.retryDelayMs);
    else producer?.close();
    if (run.result?.state === 'completed') this.serviceTime.add(seconds);
    if (log !== undefined) this.closeLog(log);
    if (this.runs.get(turn.id) === run) {
      this.runs.delete(turn.id);
      this.tools.door.leave(placeOf(run));
    }
    metrics.runningTurns.set(this.runs.size);
    metrics.turnSeconds.observe(seconds);
    for (const resolve of this.ends) resolve();
    this.ends.clear();
  }
}

function placeOf({ tenantId, turn }: TurnRun): TurnPlace {
  return { tenantId, visitorId: turn.visitorId, turnId: turn.id };
}
