import { ModelError, type ModelMessage, type Skill } from '../model-provider.ts';
import { inputBound, outputOf } from './answer-bounds.ts';
import type { Candidate } from './choose-target.ts';
import type { Route, Target } from './target.ts';
import { promptTokens, trimHistory } from './trim-history.ts';

/** First wait between two calls of one target, in milliseconds; doubles, with full jitter (AWS Architecture Blog, 2015). */
const backoffMs = 250;

/** Part of a window that is left free when history is cut to fit it: the model counts a little differently from us. */
const trimMargin = 0.05;

/** What an answer asks for, as far as it decides who is asked. */
export interface PlanRequest {
  messages: ModelMessage[];
  maxOutputTokens: number;
  /** Our own count of the prompt, where the caller has it. */
  inputTokens?: number;
  needs?: readonly Skill[];
}

interface Failures {
  count: number;
  retryAfterMs: number;
}

/** Who can still be asked for one answer, and with which prompt: changes with each failed call. */
export class AnswerPlan {
  private targets: Target[];
  private prompt: ModelMessage[];
  private tokens: number | undefined;
  private readonly failures = new Map<Target, Failures>();
  private readonly refusePrefix = new Set<Target>();

  /** `retryAfterCapMs`: who asks for a longer wait is not asked again. */
  constructor(
    private readonly route: Route,
    private readonly request: PlanRequest,
    private readonly retryAfterCapMs: number,
  ) {
    this.targets = route.targets.filter(({ skills }) => (request.needs ?? []).every((need) => skills.has(need)));
    this.prompt = request.messages;
    this.tokens = request.inputTokens;
  }

  /** True when nobody can be asked. */
  get isEmpty(): boolean {
    return this.targets.length === 0;
  }

  /** Everybody who can still be asked. `admits`: whether a target may be asked like any other. */
  candidates(shown: string, admits: (target: Target) => boolean): Candidate[] {
    return this.targets.map((target) => ({
      target,
      healthy: admits(target),
      continues: this.continues(target, shown),
      fits: this.fits(target),
      failures: this.failures.get(target)?.count ?? 0,
    }));
  }

  /** Whether anybody can go on from what is shown. */
  canGoOn(shown: string): boolean {
    return this.targets.some((target) => this.continues(target, shown));
  }

  /** The prompt for a target: where it does not fit the window, without the oldest history. */
  messagesFor(target: Target): ModelMessage[] {
    if (this.fits(target)) return this.prompt;
    const room = target.window - outputOf(target, this.request.maxOutputTokens);
    return trimHistory(this.prompt, Math.floor(room * (1 - trimMargin)));
  }

  /** Milliseconds to wait before a target is called once more; 0 for the first time. `random`: in [0, 1). */
  waitFor(target: Target, random = Math.random()): number {
    const failed = this.failures.get(target);
    return failed === undefined ? 0 : Math.max(failed.retryAfterMs, random * backoffMs * 2 ** (failed.count - 1));
  }

  /** Nobody asks this target again. */
  drop(target: Target): void {
    this.targets = this.targets.filter((other) => other !== target);
  }

  /** Takes note of a failed call that had `prefix` to go on from. Throws the error when the answer ends with it. */
  failed(target: Target, error: ModelError, prefix: string): void {
    if (error.transient) return this.failedForNow(target, error);
    if (error.failure === 'context_too_long') return this.tooLong(target, error, prefix);
    if (error.failure === 'credential') this.targets = this.targets.filter(({ credential }) => credential.id !== target.credential.id);
    else if (error.ofTarget || (error.failure === 'content_filter' && this.route.afterContentFilter)) this.drop(target);
    // Who does not know how to go on says that the request is wrong.
    else if (error.failure === 'invalid_request' && prefix !== '') this.refusePrefix.add(target);
    else throw error;
    if (this.targets.length === 0) throw error;
  }

  /** Whether a target has refused to go on from a text. */
  hasRefusedPrefix(target: Target): boolean {
    return this.refusePrefix.has(target);
  }

  private failedForNow(target: Target, error: ModelError): void {
    const count = (this.failures.get(target)?.count ?? 0) + 1;
    this.failures.set(target, { count, retryAfterMs: error.retryAfterMs ?? 0 });
    if ((error.retryAfterMs ?? 0) > this.retryAfterCapMs) this.drop(target);
    if (this.targets.length === 0) throw error;
  }

  /** A bigger window, else a fresh start without the prefix, else half of the history, else none of it, else another target. */
  private tooLong(target: Target, error: ModelError, prefix: string): void {
    const bigger = this.targets.filter(({ window }) => window > target.window);
    if (bigger.length > 0) this.targets = bigger;
    else if (prefix !== '') this.refusePrefix.add(target);
    else if (!this.trim(target)) this.drop(target);
    if (this.targets.length === 0) throw error;
  }

  private trim(target: Target): boolean {
    const given = this.messagesFor(target);
    const half = trimHistory(given, Math.floor(promptTokens(given) / 2));
    // A second refusal shows that our count says little about theirs.
    const trimmed = given.length < this.request.messages.length ? trimHistory(given, 0) : half;
    if (trimmed.length === given.length) return false;
    this.prompt = trimmed;
    this.tokens = undefined;
    return true;
  }

  /** Half a character is nothing that a provider could be given. */
  private continues(target: Target, shown: string): boolean {
    return target.continues && !this.refusePrefix.has(target) && shown.isWellFormed();
  }

  private fits(target: Target): boolean {
    const room = target.window - outputOf(target, this.request.maxOutputTokens);
    // Bytes bound tokens: a prompt that is short enough need not be counted.
    if (inputBound(this.prompt) <= room) return true;
    this.tokens ??= promptTokens(this.prompt);
    return this.tokens <= room;
  }
}
