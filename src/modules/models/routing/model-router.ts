import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { clock } from '../../../kernel/clock.ts';
import { ModelError, type ModelResult } from '../model-provider.ts';
import { type ModelsConfig, modelsConfig } from '../models.config.ts';
import type { AnswerRequest, ModelListener } from './answer-listener.ts';
import { AnswerPlan } from './answer-plan.ts';
import type { Passage } from './breaker.ts';
import { type Candidate, chooseTarget } from './choose-target.ts';
import { CallPacing, type Turn } from './call-pacing.ts';
import { type CallSize, sizeOf } from './call-size.ts';
import { TargetCalls } from './target-calls.ts';
import { TargetHealths } from './target-healths.ts';
import type { Route, Target } from './target.ts';

/** How long a caller who has nowhere else to go waits for a place at a target in trouble, in milliseconds, and how often they look. */
const forcedWaitMs = 30_000;
const forcedLookMs = 50;

/** A target that is called next, with its share of the rate limits. */
interface Ready {
  target: Target;
  continues: boolean;
  size: CallSize;
  turn: Turn;
  passage: Passage;
}

/** Answers by the targets of a route: who is asked, and who next when that fails. */
@Injectable()
export class ModelRouter {
  private readonly logger = new Logger(ModelRouter.name);

  constructor(
    private readonly calls: TargetCalls,
    private readonly pacing: CallPacing,
    private readonly healths: TargetHealths,
    @Inject(modelsConfig.token) private readonly config: ModelsConfig,
  ) {}

  /**
   * Streams one answer in at most MODEL_MAX_CALLS calls, all before the request's deadline. Another target is asked at once, the same
   * one again only when nobody else is healthy, after a wait and while its budget of retries lasts. What is shown is gone on from
   * where a target can; where none can it is taken back (`onRestart`), as long as a call is left. Rejects with ModelError.
   */
  async answer(route: Route, request: AnswerRequest, listener: ModelListener): Promise<ModelResult> {
    const plan = new AnswerPlan(route, request, this.config.retryAfterCapMs);
    // Nobody has the skills: the request is wrong. Nobody could be asked: it may pass.
    let error = new ModelError(plan.isEmpty && route.targets.length > 0 ? 'invalid_request' : 'unreachable', { unserved: true });
    if (listener.shown() !== '' && !plan.canGoOn(listener.shown())) listener.onRestart();
    for (let call = 1; call <= this.config.maxCalls; call += 1) {
      const ready = await this.next(plan, request, listener.shown(), error);
      if (listener.shown() !== '' && !ready.continues) listener.onRestart();
      const prefix = listener.shown();
      const ended = await this.calls.make({ ...ready, request, prefix }, listener);
      if (!(ended instanceof ModelError)) return ended;
      error = ended;
      if (error.failure === 'credential') this.healths.refuseCredential(ready.target);
      else if (error.ofTarget) this.healths.refuseTarget(ready.target);
      // Whoever is asked after the deadline could only fail.
      if (request.signal.aborted || clock.now() >= request.deadlineAt) break;
      plan.failed(ready.target, error, prefix);
      if (prefix !== '' && plan.hasRefusedPrefix(ready.target)) this.tellRefusedPrefix(ready.target);
    }
    throw error;
  }

  /** The target that is called next, when its time has come. Throws `error` when nobody is left. */
  private async next(plan: AnswerPlan, request: AnswerRequest, shown: string, error: ModelError): Promise<Ready> {
    const busy = new Map<Target, number>();
    for (;;) {
      const candidates = plan.candidates(shown, (target) => this.healths.admits(target));
      const others = busy.size === 0 ? candidates : candidates.filter((each) => isAlternative(each, busy));
      const chosen = chooseTarget(others, shown !== '');
      if (chosen === undefined) {
        const waiting = leastBusy(candidates, busy);
        if (waiting === undefined) throw error;
        const size = this.sizeOf(plan, waiting, request, shown);
        const turn = await this.pacing.wait(waiting.target, request, size);
        return { ...waiting, size, turn, passage: this.healths.of(waiting.target).breaker.enter() };
      }
      const { target, continues } = chosen;
      // Taken in the same tick as the choice: otherwise many would find the one place of a trial free.
      const passage = await this.admit(plan, chosen, request);
      if (passage === undefined) {
        plan.drop(target);
        continue;
      }
      const size = this.sizeOf(plan, chosen, request, shown);
      const turn = await this.pacing.take(target, request, size).catch((failed: unknown) => {
        passage.withdrawn();
        throw failed;
      });
      if (typeof turn !== 'number') return { target, continues, size, turn, passage };
      passage.withdrawn();
      busy.set(target, turn);
    }
  }

  private sizeOf(plan: AnswerPlan, { target, continues }: Candidate, request: AnswerRequest, shown: string): CallSize {
    return this.pacing.fit(target, sizeOf(plan, target, request, continues ? shown : ''));
  }

  /** Lets a call begin; waits before a target is called again, and for a place at one in trouble. Undefined when it cannot be in time. */
  private async admit(plan: AnswerPlan, chosen: Candidate, request: AnswerRequest): Promise<Passage | undefined> {
    const { target, failures, healthy } = chosen;
    const { breaker, budget } = this.healths.of(target);
    const passage = healthy ? breaker.enter() : undefined;
    if (failures === 0) budget.deposit();
    else if (!(await this.mayRepeat(plan, target, request, passage))) return undefined;
    if (passage !== undefined) return passage;
    const until = Math.min(clock.now() + forcedWaitMs, request.deadlineAt);
    while (!breaker.admitsForced()) {
      if (clock.now() >= until) return undefined;
      await this.pause(target, forcedLookMs * (0.5 + Math.random()), request.signal);
    }
    return breaker.enter();
  }

  /** Waits before a target is called again; false when that would be too late, or it has had its share of repetitions. */
  private async mayRepeat(plan: AnswerPlan, target: Target, request: AnswerRequest, passage: Passage | undefined): Promise<boolean> {
    const wait = plan.waitFor(target);
    const inTime = clock.now() + wait < request.deadlineAt;
    const allowed = inTime && this.healths.of(target).budget.withdraw();
    if (inTime) this.healths.tellRetries(target, allowed);
    try {
      if (allowed) await this.pause(target, wait, request.signal);
      else passage?.withdrawn();
    } catch (error) {
      passage?.withdrawn();
      throw error;
    }
    return allowed;
  }

  private async pause(target: Target, ms: number, signal: AbortSignal): Promise<void> {
    const health = this.healths.of(target);
    health.waiting += 1;
    try {
      await sleep(ms, undefined, { signal });
    } catch {
      throw new ModelError('aborted', { unserved: true });
    } finally {
      health.waiting -= 1;
    }
  }

  private tellRefusedPrefix({ name }: Target): void {
    this.logger.warn({ target: name }, 'the provider refuses to go on from a given text; is MODEL_CONTINUES right?');
  }
}

/** Whether somebody else may be asked while others have no room: who is in trouble is not asked for that. */
function isAlternative({ target, healthy, failures }: Candidate, busy: Map<Target, number>): boolean {
  return healthy && failures === 0 && !busy.has(target);
}

function leastBusy(candidates: Candidate[], busy: Map<Target, number>): Candidate | undefined {
  return candidates
    .filter(({ target }) => busy.has(target))
    .toSorted((a, b) => (busy.get(a.target) ?? 0) - (busy.get(b.target) ?? 0))
    .at(0);
}
