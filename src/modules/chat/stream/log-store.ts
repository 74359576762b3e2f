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
  /** Milliseconds that the log lives from now on; 0 leaves it as it is. The first batch must have it. */
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

/** Batches of one call of the script at most, and bytes from which on a call gets no more: Redis serves nobody else meanwhile. */
const maxBatches = 64;
const enoughBytes = 262_144;

const append = new RedisScript(new URL('lua/append.lua', import.meta.url));
const create = new RedisScript(new URL('lua/create.lua', import.meta.url));
const fence = new RedisScript(new URL('lua/fence.lua', import.meta.url));
const read = new RedisScript(new URL('lua/read.lua', import.meta.url));

/** The logs of turns in Redis: only what can be rebuilt, encrypted, and fenced by attempt. */
@Injectable()
export class LogStore {
  constructor(private readonly redis: RedisConnections) {}

  /** Appends many batches, of any turns, in one round trip. Gives each one's outcome, in order; never throws. */
  async appendAll(requests: AppendRequest[]): Promise<AppendOutcome[]> {
    const calls = callsOf(requests);
    let answers = await this.appendOnce(calls);
    if (answers.some(isNoScript)) {
      const reloaded = await append.load(this.redis.commands).then(
        () => true,
        () => false,
      );
      if (reloaded) answers = await this.appendOnce(calls);
    }
    const outcomes = new Map<AppendRequest, AppendOutcome>();
    for (const [at, batches] of calls.entries()) {
      const answer = answers[at];
      for (const [place, request] of batches.entries())
        outcomes.set(request, Array.isArray(answer) ? (answer[place] ?? noAnswer()) : (answer ?? noAnswer()));
    }
    return requests.map((request) => outcomes.get(request) ?? noAnswer());
  }

  /**
   * Makes an empty log. `whole`: chunks that it had before it was lost and that will be brought back; until then nobody can take it
   * over. 'stale' when a later attempt or epoch has one.
   */
  async create(
    tenantId: string,
    turnId: string,
    claim: { attempt: number; epoch: number },
    ttlMs: number,
    whole = 0,
  ): Promise<'ok' | 'stale'> {
    const { attempt, epoch } = claim;
    return (await create.run(this.redis.commands, keysOf(tenantId, turnId), [attempt, epoch, ttlMs, whole])) as 'ok' | 'stale';
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

  /** One answer for each call: one outcome for all its batches, or one for each. */
  private async appendOnce(calls: AppendRequest[][]): Promise<(AppendOutcome | AppendOutcome[])[]> {
    const pipeline = this.redis.commands.pipeline();
    for (const batches of calls) {
      const keys: string[] = [];
      let heads = '';
      for (const { tenantId, turnId, attempt, epoch, first, count, last, ttlMs, bytes } of batches) {
        keys.push(redisKeys.turnLog(tenantId, turnId), redisKeys.turnLogState(tenantId, turnId));
        heads += `${attempt}:${epoch}:${first}:${count}:${last ? 1 : 0}:${ttlMs}:${bytes.length} `;
      }
      append.queue(pipeline, keys, [heads, Buffer.concat(batches.map(({ bytes }) => bytes))]);
    }
    try {
      const answers = await pipeline.exec();
      return calls.map((_, at) => answers?.[at]?.[0] ?? (answers?.[at]?.[1] as AppendOutcome | AppendOutcome[] | undefined) ?? noAnswer());
    } catch (error) {
      return calls.map(() => (error instanceof Error ? error : noAnswer()));
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

function noAnswer(): Error {
  return new Error('no answer');
}

/** Shares batches out between calls of the script. The keys of one call are of one tenant, and so in one slot of a cluster. */
function callsOf(requests: AppendRequest[]): AppendRequest[][] {
  const calls: AppendRequest[][] = [];
  const open = new Map<string, { batches: AppendRequest[]; bytes: number }>();
  for (const request of requests) {
    let call = open.get(request.tenantId);
    if (call === undefined || call.batches.length >= maxBatches || call.bytes >= enoughBytes) {
      call = { batches: [], bytes: 0 };
      open.set(request.tenantId, call);
      calls.push(call.batches);
    }
    call.batches.push(request);
    call.bytes += request.bytes.length;
  }
  return calls;
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
