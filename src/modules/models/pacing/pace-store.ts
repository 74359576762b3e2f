import { createHash } from 'node:crypto';
import { redisKeys, type RedisConnections, RedisScript } from '../../../platform/redis/index.ts';
import type { PaceKey, PaceMark } from './pace.ts';
import type { ToldLimits } from './rate-headers.ts';

const script = new RedisScript(new URL('lua/pace.lua', import.meta.url));

/** Longest wait for Redis, in milliseconds: a call that is ready to go is worth more than the last word on the limits. */
const answerWithinMs = 500;
/** How long Redis is left alone after it has not answered, in milliseconds. */
const leaveAloneMs = 1_000;

/** One answer of the provider, as the script takes it. */
export interface Learned extends ToldLimits {
  ageMs: number;
  refused: boolean;
  /** How long the provider asked to stay away. */
  pauseMs?: number;
  /** Tokens of the call that was answered. */
  cost: number;
  mark?: PaceMark;
}

/** One call that wants its share. `since`: Redis' time at which it began to wait, when that is known. */
export interface AskedCall {
  tokens: number;
  live: boolean;
  waitedMs: number;
  since?: number;
}

/** The argument of the script; its header says what each means. */
export interface PaceAsk {
  replica: string;
  replicas: number;
  windowMs: number;
  taken: PaceMark;
  counted: Record<keyof PaceMark, boolean>;
  knownAt: number;
  largest?: number;
  allowedMs: number;
  known: { requests?: number; tokens?: number };
  learned: Learned[];
  unused: PaceMark;
  back: number;
  line: boolean;
  calls: AskedCall[];
  waiting: PaceMark;
}

/** What Redis knows of one kind of limit. Rates are per millisecond. */
export interface SeenLimit {
  limit?: number;
  guessed: boolean;
  level?: number;
  rate?: number;
  theirs?: number;
  /** Granted lately. */
  granted: number;
  total: number;
}

/** The result of the script. */
export interface PaceReply {
  now: number;
  granted: number;
  waitMs: number;
  pausedMs: number;
  requests: SeenLimit;
  tokens: SeenLimit;
  others: PaceMark;
  /** Nobody waits, and there is much room. */
  calm: boolean;
  /** What may be granted without asking; of a kind that is absent any number. */
  allowed?: Partial<PaceMark>;
}

/** The state of all keys, in Redis. */
export class PaceStore {
  private awayUntil = -Infinity;

  constructor(private readonly redis: Pick<RedisConnections, 'commands'>) {}

  /** Milliseconds for which Redis is left alone; 0 when it is not. */
  get awayMs(): number {
    return Math.max(0, this.awayUntil - performance.now());
  }

  /** One round trip. Undefined when Redis is away; what was given is lost then. */
  async exchange(key: PaceKey, ask: PaceAsk): Promise<PaceReply | undefined> {
    if (this.awayMs > 0) return undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      const tooLate = new Promise<never>((_, reject) => {
        // After a stall of this process timers come before what the socket has received meanwhile.
        timer = setTimeout(() => setImmediate(() => reject(new Error('Redis did not answer in time'))), answerWithinMs);
      });
      const asked = script.run(this.redis.commands, [redisKeys.pace(digestOf(key))], [JSON.stringify(ask)]);
      return JSON.parse((await Promise.race([asked, tooLate])) as string) as PaceReply;
    } catch {
      // The connection's owner has said what is wrong with it.
      this.awayUntil = performance.now() + leaveAloneMs;
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A model's name may be anything a tenant has typed. */
export function digestOf({ credential, model }: PaceKey): string {
  return createHash('sha256')
    .update(JSON.stringify([credential, model]))
    .digest('base64url')
    .slice(0, 22);
}
