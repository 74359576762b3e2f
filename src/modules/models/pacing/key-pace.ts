import { clock } from '../../../kernel/clock.ts';
import { ModelError } from '../model-provider.ts';
import { retryAfterOf } from '../retry-after.ts';
import { LocalPace } from './local-pace.ts';
import type { Pace, PaceAnswer, PaceKey, PaceLease, PaceMark, PaceRequest, PaceView } from './pace.ts';
import { askedCall, PaceLine, type Waiting } from './pace-line.ts';
import { markAfter, workMs } from './pace-reply.ts';
import type { PaceReply } from './pace-store.ts';
import { type PaceContext, PaceTalk, urgentMs } from './pace-talk.ts';
import { readRateHeaders } from './rate-headers.ts';

/** Calls that are granted in one round trip at most. */
const batchSize = 50;
/** Calls of one key that wait on one replica at most; more are throttled at once. */
const maxWaiting = 10_000;

/** One key on this replica: who waits, what is to be told to Redis, and what Redis said last. */
export class KeyPace {
  private readonly line = new PaceLine();
  private readonly talk: PaceTalk;
  /** Calls that have not ended, and whether their tokens were counted: those of a limit that was not known yet were not. */
  private readonly open = new Map<PaceLease, boolean>();
  private readonly unanswered = new Set<PaceLease>();
  private readonly local: LocalPace;
  private timer: NodeJS.Timeout | undefined;
  private dueAt = Infinity;
  private polling = false;
  private inLine = false;
  private answersCount = false;

  constructor(
    readonly key: PaceKey,
    private readonly context: PaceContext,
  ) {
    this.talk = new PaceTalk(key, context);
    this.local = new LocalPace(context.windowMs, () => this.talk.limits, context.replicas);
  }

  /** `performance.now()` of the last use. */
  get usedAt(): number {
    return this.talk.usedAt;
  }

  /** Tokens a minute that the provider has told this replica, prompt and answer together; undefined where it has not. */
  get most(): number | undefined {
    const { limit, guessed } = this.talk.view('tokens');
    return this.answersCount && !guessed ? limit : undefined;
  }

  /** True when nothing of it would be missed. */
  get idle(): boolean {
    return this.line.length === 0 && this.open.size === 0 && this.dueAt === Infinity && !this.polling;
  }

  /** `Pacer.try`. */
  async try(request: PaceRequest): Promise<Pace> {
    const tokens = countOf(request.tokens);
    const live = request.priority === 'live';
    if (this.line.isBefore(live)) return { granted: false, waitMs: this.talk.estimate(this.line.work()) };
    const lease = live ? this.grantAtOnce(tokens) : undefined;
    if (lease !== undefined) return { granted: true, lease };
    // Nobody makes a pause shorter.
    const { pausedMs } = this.talk;
    if (pausedMs > 0) return { granted: false, waitMs: pausedMs };
    const reply = await this.talk.ask([{ tokens, live, waitedMs: 0 }]);
    if (reply === undefined) return this.tryLocally(tokens);
    if (reply.granted === 1) return { granted: true, lease: this.lease(tokens, markAfter(reply, 1, tokens)) };
    return { granted: false, waitMs: Math.max(1, this.talk.estimate(reply.others)) };
  }

  /** `Pacer.acquire`. */
  acquire(request: PaceRequest): Promise<PaceLease> {
    const leftMs = request.deadlineAt - clock.now();
    if (request.signal.aborted) return Promise.reject(new ModelError('aborted', { unserved: true }));
    if (leftMs <= 0 || this.line.length >= maxWaiting) return Promise.reject(this.throttled());
    const tokens = countOf(request.tokens);
    const live = request.priority === 'live';
    const lease = live && !this.line.isBefore(live) ? this.grantAtOnce(tokens) : undefined;
    if (lease !== undefined) return Promise.resolve(lease);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.leave(waiting, this.throttled()), leftMs);
      const onAbort = () => this.leave(waiting, new ModelError('aborted', { unserved: true }));
      request.signal.addEventListener('abort', onAbort, { once: true });
      const waiting: Waiting = {
        request,
        tokens,
        at: performance.now(),
        done: false,
        end: (outcome) => {
          waiting.done = true;
          clearTimeout(timer);
          request.signal.removeEventListener('abort', onAbort);
          if (outcome instanceof ModelError) reject(outcome);
          else resolve(outcome);
        },
      };
      this.line.enter(waiting);
      if (this.line.first === waiting) this.schedule(0);
    });
  }

  /** `Pacer.observe`. */
  observe({ status, headers, lease = firstOf(this.unanswered) }: PaceAnswer): void {
    if (lease !== undefined) this.unanswered.delete(lease);
    const { inputTokens, ...told } = readRateHeaders(headers);
    if (told.tokens?.limit !== undefined) this.answersCount = true;
    else if (inputTokens?.limit !== undefined) this.answersCount = false;
    if (inputTokens !== undefined) told.tokens = inputTokens;
    const refused = status === 429;
    const at = performance.now();
    const asked = refused ? retryAfterOf(headers) : undefined;
    const pauseMs = asked === undefined ? undefined : Math.min(asked, this.context.pauseCapMs);
    if (refused) this.local.pause(at + (pauseMs ?? this.context.windowMs / 60));
    const { tokens: cost = 1, mark } = lease ?? {};
    const answer = { at, refused, ...(pauseMs === undefined ? {} : { pauseMs }), cost, ...(mark === undefined ? {} : { mark }), ...told };
    this.talk.hear(answer);
    this.schedule(this.gatherMs());
  }

  /** `Pacer.settle`. */
  settle(lease: PaceLease, usedTokens: number | undefined): void {
    const counted = this.open.get(lease);
    if (!this.open.delete(lease)) return;
    this.unanswered.delete(lease);
    if (counted !== true || usedTokens === undefined || !Number.isFinite(usedTokens)) return;
    this.talk.news.giveBack(lease.tokens - Math.max(0, Math.ceil(usedTokens)));
    this.schedule(this.gatherMs());
  }

  view(): PaceView {
    const { pausedMs } = this.talk;
    return {
      key: this.key,
      requests: this.talk.view('requests'),
      tokens: this.talk.view('tokens'),
      waiting: this.line.length,
      ...(pausedMs > 0 ? { pausedUntil: Math.round(clock.now() + pausedMs) } : {}),
    };
  }

  close(): void {
    clearTimeout(this.timer);
    for (const waiting of this.line.head()) this.leave(waiting, new ModelError('aborted', { unserved: true }));
    clearTimeout(this.timer);
  }

  /** Asks Redis after `ms` milliseconds, or sooner when that is planned. */
  private schedule(ms: number): void {
    const dueAt = performance.now() + ms;
    if (dueAt >= this.dueAt) return;
    clearTimeout(this.timer);
    this.dueAt = dueAt;
    const poll = () => {
      this.dueAt = Infinity;
      void this.poll();
    };
    if (ms > 0) this.timer = setTimeout(poll, ms);
    else queueMicrotask(poll);
  }

  /** Tells what was learned, and lets the first in line go as far as there is a share for them. */
  private async poll(): Promise<void> {
    if (this.polling) return;
    this.polling = true;
    const batch = this.line.head(batchSize);
    const sentAt = performance.now();
    const calls = batch.map((waiting) => askedCall(waiting, sentAt));
    const nothing = calls.length === 0 && !this.inLine && !this.talk.news.waits;
    const reply = nothing ? undefined : await this.talk.ask(calls, this.line.work());
    this.polling = false;
    if (nothing) return;
    this.inLine = reply !== undefined && reply.granted < batch.length;
    const waitMs = reply === undefined ? this.grantLocally(batch) : this.grant(batch, reply, sentAt);
    this.grantNewcomers();
    const { first } = this.line;
    if (first !== undefined) this.schedule(waitMs === 0 || !batch.includes(first) ? 0 : Math.max(2, waitMs));
    if ((first === undefined && this.inLine) || this.talk.news.waits) this.schedule(this.gatherMs());
  }

  /** How long news may be gathered now, in milliseconds; while Redis is left alone, until that is over. */
  private gatherMs(): number {
    return Math.max(this.talk.awayMs, this.line.length > 0 || this.inLine ? urgentMs : this.talk.gatherMs);
  }

  /** Grants a live call without asking, when Redis has allowed that. */
  private grantAtOnce(tokens: number): PaceLease | undefined {
    const mark = this.talk.grantAtOnce(tokens);
    if (mark === undefined) return undefined;
    this.schedule(this.gatherMs());
    return this.lease(tokens, mark);
  }

  /** Those that have come while Redis was asked need not ask again when it has allowed more. */
  private grantNewcomers(): void {
    for (let { first } = this.line; first?.request.priority === 'live'; { first } = this.line) {
      const lease = this.grantAtOnce(first.tokens);
      if (lease === undefined) return;
      this.line.leave(first);
      first.end(lease);
    }
  }

  private grant(batch: Waiting[], reply: PaceReply, sentAt: number): number {
    let tokens = 0;
    for (const [index, waiting] of batch.entries()) {
      if (index >= reply.granted) {
        waiting.since ??= reply.now - (sentAt - waiting.at);
        continue;
      }
      tokens += waiting.tokens;
      // Whoever has left meanwhile gives the share back.
      if (waiting.done) this.talk.news.giveUp(waiting.tokens);
      else this.let(waiting, markAfter(reply, index + 1, tokens));
    }
    if (reply.granted < batch.length) this.turnAway(reply);
    return reply.granted === batch.length ? 0 : reply.waitMs;
  }

  private grantLocally(batch: Waiting[]): number {
    for (const waiting of batch) {
      if (waiting.done) continue;
      const waitMs = this.local.take(waiting.tokens);
      if (waitMs > 0) return Math.min(waitMs, this.context.windowMs / 30);
      this.let(waiting, undefined);
    }
    return 0;
  }

  private tryLocally(tokens: number): Pace {
    const waitMs = this.local.take(tokens);
    return waitMs > 0 ? { granted: false, waitMs } : { granted: true, lease: this.lease(tokens, undefined) };
  }

  /** Tells those whose turn would come too late so at once. */
  private turnAway(reply: PaceReply): void {
    const { others } = reply;
    const own = this.line.work();
    const ahead = { requests: 0, tokens: 0 };
    for (const waiting of this.line.head()) {
      // Those on other replicas have come as evenly as those here.
      const part = ahead.requests / own.requests;
      const work = { requests: ahead.requests + others.requests * part, tokens: ahead.tokens + others.tokens * part };
      const waitMs = Math.max(reply.pausedMs, workMs(reply, work));
      if (clock.now() + waitMs > waiting.request.deadlineAt) {
        this.leave(waiting, new ModelError('throttled', { unserved: true, retryAfterMs: Math.ceil(waitMs) }));
        continue;
      }
      ahead.requests += 1;
      ahead.tokens += waiting.tokens;
    }
  }

  private let(waiting: Waiting, mark: PaceMark | undefined): void {
    this.line.leave(waiting);
    waiting.end(this.lease(waiting.tokens, mark));
  }

  private leave(waiting: Waiting, error: ModelError): void {
    if (!this.line.leave(waiting)) return;
    waiting.end(error);
    if (this.line.length === 0 && this.inLine) this.schedule(urgentMs);
  }

  private lease(tokens: number, mark: PaceMark | undefined): PaceLease {
    const lease: PaceLease = { key: this.key, tokens, mark };
    this.open.set(lease, mark !== undefined && this.talk.limits.tokens !== undefined);
    this.unanswered.add(lease);
    return lease;
  }

  private throttled(): ModelError {
    return new ModelError('throttled', { unserved: true, retryAfterMs: Math.ceil(this.talk.estimate(this.line.work())) });
  }
}

function countOf(tokens: number): number {
  return Number.isFinite(tokens) ? Math.max(1, Math.ceil(tokens)) : 1;
}

function firstOf<T>(set: Set<T>): T | undefined {
  return set.values().next().value;
}
