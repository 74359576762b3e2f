import { Injectable } from '@nestjs/common';
import { isNoScript, redisKeys, RedisConnections, RedisScript } from '../../../platform/redis/index.ts';

/** A batch as Redis holds it. */
export interface StoredBatch {
  attempt: number;
  first: number;
  count: number;
  sealed: Buffer;
}

/** A batch on its way to Redis. */
export interface AppendRequest {
  tenantId: string;
  turnId: string;
  attempt: number;
  epoch: number;
  first: number;
  count: number;
  bytes: Buffer;
  /** The last batch of the turn. */
  last: boolean;
  /** Milliseconds that the log lives from now on. */
  ttlMs: number;
}

/** What became of an append; see lua/append.lua. */
export type AppendOutcome = 'ok' | 'missing' | 'stale' | 'gap' | Error;

/** A log as Redis has it. */
export interface StoredLog {
  epoch: number;
  next: number;
  sealed: boolean;
  batches: StoredBatch[];
}

/** A batch that was just published on a turn's channel. */
export interface PublishedBatch extends StoredBatch {
  epoch: number;
  last: boolean;
}

const append = new RedisScript(new URL('lua/append.lua', import.meta.url));
const create = new RedisScript(new URL('lua/create.lua', import.meta.url));
const fence = new RedisScript(new URL('lua/fence.lua', import.meta.url));
const read = new RedisScript(new URL('lua/read.lua', import.meta.url));

/** The logs of turns in Redis: only what can be rebuilt, encrypted, and fenced by attempt. */
@Injectable()
export class LogStore {
  constructor(private readonly redis: RedisConnections) {}

  /** Appends many batches, of different turns, in one round trip. Gives each one's outcome, in order; never throws. */
  async appendAll(requests: AppendRequest[]): Promise<AppendOutcome[]> {
    const outcomes = await this.appendOnce(requests);
    if (!outcomes.some(isNoScript)) return outcomes;
    try {
      await append.load(this.redis.commands);
    } catch {
      return outcomes;
    }
    return this.appendOnce(requests);
  }

  /** Makes an empty log. 'stale' when a later attempt or epoch has one. */
  async create(tenantId: string, turnId: string, attempt: number, epoch: number, ttlMs: number): Promise<'ok' | 'stale'> {
    return (await create.run(this.redis.commands, keysOf(tenantId, turnId), [attempt, epoch, ttlMs])) as 'ok' | 'stale';
  }

  /** Fences earlier attempts off and gives the log so far; 'missing' when there is none. */
  async fence(tenantId: string, turnId: string, attempt: number, ttlMs: number): Promise<StoredLog | 'missing' | 'stale'> {
    const answer = (await this.callBuffer(fence, tenantId, turnId, [attempt, ttlMs])) as [Buffer, Buffer, Buffer, Buffer, StreamEntry[]];
    const verdict = answer[0].toString();
    if (verdict !== 'ok') return verdict as 'missing' | 'stale';
    return toLog(answer[1], answer[2], answer[3], answer[4]);
  }

  /** The log from a sequence number on; undefined when there is none. */
  async read(tenantId: string, turnId: string, from: number): Promise<StoredLog | undefined> {
    const answer = (await this.callBuffer(read, tenantId, turnId, [from])) as [] | [Buffer, Buffer, Buffer, StreamEntry[]];
    return answer.length === 0 ? undefined : toLog(answer[0], answer[1], answer[2], answer[3]);
  }

  /** Deletes the logs of turns. */
  async forget(tenantId: string, turnIds: string[]): Promise<void> {
    const keys = turnIds.flatMap((turnId) => keysOf(tenantId, turnId));
    if (keys.length > 0) await this.redis.commands.del(...keys);
  }

  private async appendOnce(requests: AppendRequest[]): Promise<AppendOutcome[]> {
    const pipeline = this.redis.commands.pipeline();
    for (const request of requests) {
      append.queue(pipeline, keysOf(request.tenantId, request.turnId), [
        request.attempt,
        request.epoch,
        request.first,
        request.count,
        request.bytes,
        redisKeys.turnChannel(request.tenantId, request.turnId),
        request.last ? 1 : 0,
        request.ttlMs,
      ]);
    }
    try {
      const answers = await pipeline.exec();
      return requests.map((_, at) => answers?.[at]?.[0] ?? (answers?.[at]?.[1] as AppendOutcome | undefined) ?? new Error('no answer'));
    } catch (error) {
      return requests.map(() => (error instanceof Error ? error : new Error('no answer')));
    }
  }

  /** Like RedisScript.run, with binary answers: batches are not text. */
  private async callBuffer(script: RedisScript, tenantId: string, turnId: string, args: number[]): Promise<unknown> {
    const keys = keysOf(tenantId, turnId);
    try {
      return await this.redis.commands.callBuffer('EVALSHA', script.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isNoScript(error)) throw error;
      await script.load(this.redis.commands);
      return this.redis.commands.callBuffer('EVALSHA', script.sha, keys.length, ...keys, ...args);
    }
  }
}

/** Reads what append.lua publishes: `attempt:epoch:first:count:last`, a line break, the bytes. */
export function parsePublished(payload: Buffer): PublishedBatch {
  const end = payload.indexOf(0x0a);
  const [attempt = 0, epoch = 0, first = 0, count = 0, last = 0] = payload.subarray(0, end).toString().split(':').map(Number);
  return { attempt, epoch, first, count, last: last === 1, sealed: payload.subarray(end + 1) };
}

type StreamEntry = [id: Buffer, fields: Buffer[]];

function toLog(epoch: Buffer, next: Buffer, sealed: Buffer, entries: StreamEntry[]): StoredLog {
  return {
    epoch: Number(epoch.toString()),
    next: Number(next.toString()),
    sealed: sealed.toString() === '1',
    batches: entries.map(([id, fields]) => ({
      first: Number.parseInt(id.toString(), 10) - 1,
      attempt: Number(fields[1]?.toString()),
      count: Number(fields[3]?.toString()),
      sealed: fields[5] ?? Buffer.alloc(0),
    })),
  };
}

function keysOf(tenantId: string, turnId: string): [string, string] {
  return [redisKeys.turnLog(tenantId, turnId), redisKeys.turnLogState(tenantId, turnId)];
}
