import type { PaceKey, PaceLimitView, PaceMark } from './pace.ts';
import { PaceAllowance } from './pace-allowance.ts';
import { type FreshAnswer, PaceNews } from './pace-news.ts';
import { limitOf, limitView, markAfter, toldBy, workMs } from './pace-reply.ts';
import type { AskedCall, PaceAsk, PaceReply, PaceStore } from './pace-store.ts';
import type { ToldLimit } from './rate-headers.ts';

/** How long news are gathered before Redis is told, in milliseconds: while somebody may wait for them, and while nobody does. */
export const urgentMs = 20;
const calmMs = 250;
/** What Redis has allowed is good for so many times the longer one: whoever goes on calling has told their news by then. */
const gathersAllowed = 4;
/** Where less than this part of a limit is left, each answer is urgent. */
const nearPart = 0.2;

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

/** What this replica and Redis tell each other of one key. */
export class PaceTalk {
  readonly news = new PaceNews();
  private readonly allowance = new PaceAllowance();
  private readonly calmMs: number;
  private known: Partial<PaceMark> = {};
  private seen: { reply: PaceReply; at: number } | undefined;
  /** All that was granted when Redis answered last. */
  private base: PaceMark | undefined;
  private asking = 0;
  /** `performance.now()` of the last use. */
  usedAt = performance.now();

  constructor(
    private readonly key: PaceKey,
    private readonly context: PaceContext,
  ) {
    // A shorter minute has shorter moments.
    this.calmMs = Math.max(urgentMs, Math.min(calmMs, context.windowMs / 240));
  }

  /** How long news may be gathered now, in milliseconds. */
  get gatherMs(): number {
    return this.seen?.reply.calm === true && !this.news.urgent ? this.calmMs : urgentMs;
  }

  /** Milliseconds that the key is paused; 0 or less when it is not. */
  get pausedMs(): number {
    return this.seen === undefined ? 0 : this.seen.reply.pausedMs - (performance.now() - this.seen.at);
  }

  /** Milliseconds for which Redis is left alone, because it did not answer; 0 when it is not. */
  get awayMs(): number {
    return this.context.store.awayMs;
  }

  /** The limits as they are known here, guessed ones too. */
  get limits(): Partial<PaceMark> {
    return { ...limitOf(this.seen?.reply), ...this.known };
  }

  /** One kind of limit as this replica saw it last. */
  view(kind: keyof PaceMark): PaceLimitView {
    return limitView(this.seen?.reply[kind]);
  }

  /** Grants a live call without asking where Redis has allowed that: gives its mark. */
  grantAtOnce(tokens: number): PaceMark | undefined {
    const now = performance.now();
    if (!this.allowance.take(tokens, now) || this.base === undefined) return undefined;
    this.usedAt = now;
    this.news.grant(tokens);
    const { taken } = this.news;
    return { requests: this.base.requests + taken.requests, tokens: this.base.tokens + taken.tokens };
  }

  /**
   * Tells all news, and asks for the shares of `calls` in order. `waiting`: all that waits here, these included, when what is not granted goes
   * on waiting. Undefined when Redis is away: the news are lost when it does not answer, and kept while it
   * is left alone.
   */
  async ask(calls: AskedCall[], waiting?: PaceMark): Promise<PaceReply | undefined> {
    const sentAt = performance.now();
    this.usedAt = sentAt;
    if (this.awayMs > 0) {
      this.allowance.drop();
      return undefined;
    }
    const ask = this.question(calls, waiting, sentAt);
    this.asking += 1;
    const reply = await this.context.store.exchange(this.key, ask);
    this.asking -= 1;
    if (reply === undefined) {
      this.allowance.drop();
      return undefined;
    }
    this.seen = { reply, at: performance.now() };
    const granted = calls.slice(0, reply.granted).reduce((sum, { tokens }) => sum + tokens, 0);
    this.base = markAfter(reply, reply.granted, granted);
    this.remember(toldBy(reply.requests), toldBy(reply.tokens));
    this.renew(reply, sentAt);
    return reply;
  }

  /** The beginning of a provider's answer. */
  hear(answer: FreshAnswer): void {
    const { refused, requests, tokens } = answer;
    const urgent = refused || this.isUrgent('requests', requests) || this.isUrgent('tokens', tokens);
    if (urgent) this.allowance.drop();
    this.remember(requests?.limit, tokens?.limit);
    this.news.add(answer, urgent);
  }

  /** Milliseconds until a call could go that comes after so many. */
  estimate(ahead: PaceMark): number {
    if (this.seen === undefined) return this.context.windowMs / 60;
    const { reply, at } = this.seen;
    return Math.max(1, reply.waitMs - (performance.now() - at)) + workMs(reply, ahead);
  }

  private question(calls: AskedCall[], waiting: PaceMark | undefined, now: number): PaceAsk {
    const { replicaId: replica, replicas, windowMs } = this.context;
    const { requests, tokens, now: knownAt = 0 } = this.seen?.reply ?? {};
    const largest = this.allowance.wanted();
    this.allowance.giveUp();
    return {
      replica,
      replicas: replicas(),
      windowMs,
      known: this.known,
      counted: { requests: requests?.limit !== undefined, tokens: tokens?.limit !== undefined },
      knownAt,
      ...(largest === undefined ? {} : { largest }),
      allowedMs: gathersAllowed * this.calmMs,
      ...this.news.take(now),
      line: waiting !== undefined,
      calls,
      waiting: waiting ?? { requests: 0, tokens: 0 },
    };
  }

  /** Uses what Redis has allowed, unless that is out of date: something has happened here meanwhile, or Redis is asked again already. */
  private renew({ allowed }: PaceReply, sentAt: number): void {
    const counted = allowed?.requests !== undefined || allowed?.tokens !== undefined;
    if (allowed === undefined || this.news.urgent || (counted && this.asking > 0)) this.allowance.drop();
    else this.allowance.renew(allowed, sentAt + gathersAllowed * this.calmMs);
  }

  /** Whether others should soon know what the provider has said: a limit that is new, or that little is left. */
  private isUrgent(kind: keyof PaceMark, told: ToldLimit | undefined): boolean {
    if (told === undefined) return false;
    const { limit = this.known[kind], remaining = Infinity } = told;
    return limit === undefined || limit !== this.known[kind] || remaining < limit * nearPart;
  }

  private remember(requests: number | undefined, tokens: number | undefined): void {
    if (requests !== undefined) this.known.requests = requests;
    if (tokens !== undefined) this.known.tokens = tokens;
  }
}
