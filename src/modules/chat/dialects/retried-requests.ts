import { Injectable } from '@nestjs/common';
import { newUuid } from '../../../kernel/ids.ts';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { redisKeys, RedisConnections } from '../../../platform/redis/index.ts';
import { chatErrors } from '../chat.errors.ts';
import type { TurnRef } from '../turn/turn.ts';

/** How long a retry finds the request that it repeats, in seconds. */
const rememberSeconds = 60;
/** How long an `Idempotency-Key` is known, in seconds. */
const idempotencySeconds = 86_400;
/** How long the number of a turn's callers is kept, in seconds: longer than any turn runs. */
const callersSeconds = 7_200;

/** What tells a retry from a new request. */
export interface RepeatableRequest {
  tenantId: string;
  /** Id of the credential that calls. */
  credential: string;
  body: unknown;
  idempotencyKey: string | undefined;
  /** `x-stainless-retry-count`: how often the client has tried before. */
  retryCount: number;
}

/**
 * Names a completion request, so that a retry names the same one and joins its turn: by its `Idempotency-Key`, or as the
 * `openai` client's automatic retry of the same body by the same key within a minute.
 */
@Injectable()
export class RetriedRequests {
  constructor(
    private readonly redis: RedisConnections,
    private readonly hash: KeyedHash,
  ) {}

  /** The request's name: at most 64 characters, unguessable. Throws 422 for an `Idempotency-Key` that came with another body. */
  async nameOf(request: RepeatableRequest): Promise<string> {
    const { tenantId, credential, idempotencyKey } = request;
    const body = this.hash.of('idempotency', tenantId, JSON.stringify(request.body)).toString('hex');
    if (idempotencyKey !== undefined) return this.nameOfKey(tenantId, idempotencyKey, body);
    const digest = this.hash.of('idempotency', tenantId, credential, body).toString('hex');
    const key = redisKeys.retriedRequest(tenantId, digest);
    if (request.retryCount > 0) {
      const first = await this.redis.commands.get(key);
      if (first !== null) return first;
    }
    const name = newUuid();
    await this.redis.commands.set(key, name, 'EX', rememberSeconds);
    return name;
  }

  private async nameOfKey(tenantId: string, idempotencyKey: string, body: string): Promise<string> {
    const name = this.hash.of('idempotency', tenantId, 'completion', idempotencyKey).toString('base64url');
    const key = redisKeys.retriedRequest(tenantId, name);
    const first = await this.redis.commands.set(key, body, 'EX', idempotencySeconds, 'NX', 'GET');
    if (first !== null && first !== body) throw chatErrors.idempotencyKeyReused();
    return name;
  }

  /** One caller more or one fewer waits for a turn's answer. Nobody waits for the count itself, and Redis may lose it. */
  countCaller(turn: TurnRef, change: 1 | -1): void {
    const key = callersKey(turn);
    this.redis.commands
      .multi()
      .incrby(key, change)
      .expire(key, callersSeconds)
      .exec()
      .catch(() => undefined);
  }

  /** Callers that wait for a turn's answer, over all replicas. */
  async callers(turn: TurnRef): Promise<number> {
    return Number((await this.redis.commands.get(callersKey(turn))) ?? 0);
  }
}

function callersKey({ tenantId, turnId }: TurnRef): string {
  return redisKeys.turnCallers(tenantId, turnId);
}
