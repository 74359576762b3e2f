import { clock } from '../../../kernel/clock.ts';
import { ModelError } from '../model-provider.ts';
import { retryAfterOf } from '../retry-after.ts';
import { LocalPace } from './local-pace.ts';
import type { Pace, PaceAnswer, PaceKey, PaceLease, PaceMark, PaceRequest, PaceView } from './pace.ts';
import { PaceNews } from './pace-news.ts';
import { freePart, limitOf, limitView, markAfter, toldBy, workMs } from './pace-reply.ts';
import type { AskedCall, PaceReply, PaceStore } from './pace-store.ts';
import { readRateHeaders } from './rate-headers.ts';

/** Calls that are granted in one round trip at most. */
const batchSize = 50;
/** How long what was learned is gathered before Redis is told, in milliseconds. */
const gatherMs = 20;
/** Calls of one key that wait on one replica at most; more are throttled at once. */
const maxWaiting = 10_000;

/** What all keys of a replica have in common. */
export interface PaceContext {
  store: PaceStore;
  replicaId: string;
  /** Replicas that live, this one included. */
  replicas: () => number;
  /** What providers call a minute. */
  windowMs: number;
  /** Longest pause after a refusal, in milliseconds. */
  pauseCapMs: number;
}

interface Waiting {
  request: PaceRequest;
  tokens: number;
  /** `performance.now()` at which it came. */
  at: number;
  /** The same by Redis' clock, once that is known. */
  since?: number;
  done: boolean;
  end: (outcome: PaceLease | ModelError) => void;
}

/** One key on this replica: who waits, what is to be told to Redis, and what Redis said last. */
export class KeyPace {
  private readonly line: Waiting[] = [];
  private readonly news = new PaceNews();
  private readonly open = new Set<PaceLease>();
  private readonly unanswered = new Set<PaceLease>();
  private known: Partial<PaceMark> = {};
  private seen: { reply: PaceReply; at: number } | undefined;
  private readonly local: LocalPace;
  private timer: NodeJS.Timeout | undefined;
  private dueAt = Infinity;
  private polling = false;
  private inLine = false;
  /** `performance.now()` of the last use. */
  usedAt = performance.now();

  constructor(
    readonly key: PaceKey,
    private readonly context: PaceContext,
  ) {
    this.local = new LocalPace(context.windowMs, () => ({ ...limitOf(this.seen?.reply), ...this.known }), context.replicas);
  }

  /** True when nothing of it would be missed. */
  get idle(): boolean {
    return this.line.length === 0 && this.open.size === 0 && this.dueAt === Infinity && !this.polling;
  }

  /** `Pacer.try`. */
  async try(request: PaceRequest): Promise<Pace> {
    const tokens = countOf(request.tokens);
    const live = request.priority === 'live';
    const first = this.line[0];
    if (first !== undefined && (!live || first.request.priority === 'live'))
      return { granted: false, waitMs: this.estimate(this.waiting()) };
    const reply = await this.exchange([{ tokens, live, waitedMs: 0 }], false);
    if (reply === undefined) return this.tryLocally(tokens);
    if (reply.granted === 1) return { granted: true, lease: this.lease(tokens, markAfter(reply, 1, tokens)) };
    return { granted: false, waitMs: Math.max(1, this.estimate(reply.others)) };
  }

  /** `Pacer.acquire`. */
  acquire(request: PaceRequest): Promise<PaceLease> {
    const leftMs = request.deadlineAt - clock.now();
    if (request.signal.aborted) return Promise.reject(new ModelError('aborted', { unserved: true }));
    if (leftMs <= 0 || this.line.length >= maxWaiting) return Promise.reject(this.throttled());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.leave(waiting, this.throttled()), leftMs);
      const onAbort = () => this.leave(waiting, new ModelError('aborted', { unserved: true }));
      request.signal.addEventListener('abort', onAbort, { once: true });
      const waiting: Waiting = {
        request,
        tokens: countOf(request.tokens),
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
      // Live calls stand before background work, each kind in the order of its coming.
      const behind = request.priority === 'live' ? this.line.findIndex((other) => other.request.priority === 'background') : -1;
      const place = behind === -1 ? this.line.length : behind;
      this.line.splice(place, 0, waiting);
      if (place === 0) this.schedule(0);
    });
  }

  /** `Pacer.observe`. */
  observe({ status, headers, lease = firstOf(this.unanswered) }: PaceAnswer): void {
    if (lease !== undefined) this.unanswered.delete(lease);
    const told = readRateHeaders(headers);
    const refused = status === 429;
    this.remember(told.requests?.limit, told.tokens?.limit);
    const at = performance.now();
    const asked = refused ? retryAfterOf(headers) : undefined;
    const pauseMs = asked === undefined ? undefined : Math.min(asked, this.context.pauseCapMs);
    if (refused) this.local.pause(at + (pauseMs ?? this.context.windowMs / 60));
    this.news.add({
      at,
      refused,
      ...(pauseMs === undefined ? {} : { pauseMs }),
      cost: lease?.tokens ?? 1,
      ...(lease?.mark === undefined ? {} : { mark: lease.mark }),
      ...told,
    });
    this.schedule(gatherMs);
  }

  /** `Pacer.settle`. */
  settle(lease: PaceLease, usedTokens: number | undefined): void {
    if (!this.open.delete(lease)) return;
    this.unanswered.delete(lease);
    if (usedTokens === undefined || !Number.isFinite(usedTokens)) return;
    this.news.giveBack(lease.tokens - Math.max(0, Math.ceil(usedTokens)));
    this.schedule(gatherMs);
  }

  /** How free it is: 1 is wholly, less than 0 is paused or waited for. As this replica saw it last. */
  room(): number {
    if (this.line.length > 0) return -this.line.length;
    const seen = this.seen;
    if (seen === undefined) return 1;
    const passed = performance.now() - seen.at;
    if (seen.reply.pausedMs > passed) return -1;
    return Math.min(freePart(seen.reply.requests, passed), freePart(seen.reply.tokens, passed));
  }

  view(): PaceView {
    const seen = this.seen;
    const pausedMs = seen === undefined ? 0 : seen.reply.pausedMs - (performance.now() - seen.at);
    return {
      key: this.key,
      requests: limitView(seen?.reply.requests),
      tokens: limitView(seen?.reply.tokens),
      waiting: this.line.length,
      ...(pausedMs > 0 ? { pausedUntil: Math.round(clock.now() + pausedMs) } : {}),
    };
  }

  close(): void {
    clearTimeout(this.timer);
    for (const waiting of this.line.slice()) this.leave(waiting, new ModelError('aborted', { unserved: true }));
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
    const batch = this.line.slice(0, batchSize);
    const sentAt = performance.now();
    const calls = batch.map(({ tokens, request, at, since }) => {
      const call = { tokens, live: request.priority === 'live', waitedMs: sentAt - at };
      return since === undefined ? call : { ...call, since };
    });
    const nothing = calls.length === 0 && !this.inLine && !this.news.waits;
    const reply = nothing ? undefined : await this.exchange(calls, true);
    this.polling = false;
    if (nothing) return;
    this.inLine = reply !== undefined && reply.granted < batch.length;
    const waitMs = reply === undefined ? this.grantLocally(batch) : this.grant(batch, reply, sentAt);
    const first = this.line[0];
    if (first !== undefined) this.schedule(waitMs === 0 || !batch.includes(first) ? 0 : Math.max(2, waitMs));
    if ((first === undefined && this.inLine) || this.news.waits) this.schedule(gatherMs);
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
      if (waiting.done) this.news.giveUp(waiting.tokens);
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
    const own = this.waiting();
    const ahead = { requests: 0, tokens: 0 };
    for (const waiting of this.line.slice()) {
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
    this.line.splice(this.line.indexOf(waiting), 1);
    waiting.end(this.lease(waiting.tokens, mark));
  }

  private leave(waiting: Waiting, error: ModelError): void {
    const place = this.line.indexOf(waiting);
    if (place === -1) return;
    this.line.splice(place, 1);
    waiting.end(error);
    if (this.line.length === 0 && this.inLine) this.schedule(gatherMs);
  }

  private lease(tokens: number, mark: PaceMark | undefined): PaceLease {
    const lease: PaceLease = { key: this.key, tokens, mark };
    this.open.add(lease);
    this.unanswered.add(lease);
    return lease;
  }

  private async exchange(calls: AskedCall[], line: boolean): Promise<PaceReply | undefined> {
    this.usedAt = performance.now();
    const news = this.news.take(this.usedAt);
    const { replicaId: replica, windowMs, store } = this.context;
    const waiting = line ? this.waiting() : { requests: 0, tokens: 0 };
    const reply = await store.exchange(this.key, { replica, windowMs, known: this.known, ...news, line, calls, waiting });
    if (reply === undefined) return undefined;
    this.seen = { reply, at: performance.now() };
    this.remember(toldBy(reply.requests), toldBy(reply.tokens));
    return reply;
  }

  private waiting(): PaceMark {
    return { requests: this.line.length, tokens: this.line.reduce((sum, { tokens }) => sum + tokens, 0) };
  }

  private remember(requests: number | undefined, tokens: number | undefined): void {
    if (requests !== undefined) this.known.requests = requests;
    if (tokens !== undefined) this.known.tokens = tokens;
  }

  /** Milliseconds until a call could go that comes after so many. */
  private estimate(ahead: PaceMark): number {
    if (this.seen === undefined) return this.context.windowMs / 60;
    const { reply, at } = this.seen;
    return Math.max(1, reply.waitMs - (performance.now() - at)) + workMs(reply, ahead);
  }

  private throttled(): ModelError {
    return new ModelError('throttled', { unserved: true, retryAfterMs: Math.ceil(this.estimate(this.waiting())) });
  }
}

function countOf(tokens: number): number {
  return Number.isFinite(tokens) ? Math.max(1, Math.ceil(tokens)) : 1;
}

function firstOf<T>(set: Set<T>): T | undefined {
  return set.values().next().value;
}
