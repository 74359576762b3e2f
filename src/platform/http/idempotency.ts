import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor, SetMetadata } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { AppError, commonErrors } from '../../kernel/app-error.ts';
import { newUuid } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import { defineSealedTable, KeyedHash, KeyRing, type Place, seal } from '../crypto/index.ts';
import { changed, row, TenantDatabase } from '../database/index.ts';
import { toAppError, toProblem } from './problem.ts';
import { pathOf } from './problem.filter.ts';

const ownKey = 'parley:own-idempotency';

/** Marks a route that de-duplicates by itself (chat: one send, one turn), so that the interceptor leaves it alone. */
export const OwnIdempotency = (): MethodDecorator => SetMetadata(ownKey, true);

/**
 * Marks a route whose answers hold what people said, or a secret that is shown once: nothing of them is kept for `Idempotency-Key`, and a
 * retry simply does it again.
 */
export const KeepsNoAnswer = OwnIdempotency;

interface StoredAnswer {
  id: string;
  bodyDigest: Buffer;
  status: number | null;
  response: Buffer | null;
  locked: boolean;
}

type KnownRequest = FastifyRequest & { principal?: Principal };

const conflicts = {
  otherBody: () =>
    new AppError('idempotency_key_reused', 422, 'This Idempotency-Key was used with another body.', {
      retryable: false,
      param: 'Idempotency-Key',
    }),
  running: () =>
    new AppError('idempotency_in_progress', 409, 'The first request with this Idempotency-Key is still running.', { retryAfter: 1 }),
};

/**
 * `Idempotency-Key` on every POST with a credential: the first answer (2xx, and 4xx that a retry cannot change) is kept
 * encrypted for 24 h per tenant, route and key, and replayed with `Idempotent-Replayed: true`.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    private readonly database: TenantDatabase,
    private readonly keyRing: KeyRing,
    private readonly hash: KeyedHash,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http' || Reflect.getMetadata(ownKey, context.getHandler()) === true) return next.handle();
    const http = context.switchToHttp();
    const request = http.getRequest<KnownRequest>();
    const key = request.headers['idempotency-key'];
    if (request.method !== 'POST' || key === undefined || request.principal === undefined) return next.handle();
    if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key)) {
      throw commonErrors.invalidRequest([{ path: 'Idempotency-Key', message: 'must be 1 to 255 visible ASCII characters' }]);
    }
    return from(this.once(request, request.principal, http.getResponse<FastifyReply>(), key, next));
  }

  private async once(request: KnownRequest, principal: Principal, reply: FastifyReply, key: string, next: CallHandler): Promise<unknown> {
    const { tenantId } = principal;
    const scope = this.hash.of('idempotency', tenantId, request.method, pathOf(request.url), key);
    const digest = this.hash.of('idempotency', tenantId, JSON.stringify(request.body ?? null));
    const id = newUuid();
    const earlier = await this.lock(tenantId, id, scope, digest);
    if (earlier !== undefined) return this.replay(tenantId, earlier, digest, reply);
    let body: unknown;
    try {
      body = await lastValueFrom(next.handle(), { defaultValue: undefined });
    } catch (thrown) {
      const error = toAppError(thrown);
      // While the database is away nobody waits for it once more: the key stays locked for a minute then.
      if (error.status === 503) this.unlock(tenantId, id).catch(() => undefined);
      else if (error.status >= 500 || error.status === 429) await this.unlock(tenantId, id);
      else await this.store(tenantId, id, error.status, toProblem(error, pathOf(request.url), request.id));
      throw error;
    }
    // Done is done: when this fails the key stays locked until it expires, and a retry does not do it twice at once.
    await this.store(tenantId, id, reply.statusCode, body);
    return body;
  }

  /** Takes the key for this request, or gives what an earlier one left. */
  private lock(tenantId: string, id: string, scope: Buffer, digest: Buffer): Promise<StoredAnswer | undefined> {
    return this.database.forTenant(tenantId, async (tx) => {
      const locked = await row<{ id: string }>(
        tx,
        `INSERT INTO idempotency_keys (tenant_id, id, scope_hash, body_digest, locked_until, expires_at)
         VALUES ($1, $2, $3, $4, now() + interval '1 minute', now() + interval '24 hours')
         ON CONFLICT (tenant_id, scope_hash) DO UPDATE
           SET id = $2, body_digest = $4, status = NULL, response = NULL, locked_until = now() + interval '1 minute',
               expires_at = now() + interval '24 hours'
           WHERE idempotency_keys.expires_at < now()
              OR (idempotency_keys.status IS NULL AND idempotency_keys.locked_until < now())
         RETURNING id`,
        [tenantId, id, scope, digest],
      );
      if (locked !== undefined) return undefined;
      return row<StoredAnswer>(
        tx,
        `SELECT id, body_digest AS "bodyDigest", status, response, status IS NULL AS locked FROM idempotency_keys
         WHERE tenant_id = $1 AND scope_hash = $2`,
        [tenantId, scope],
      );
    });
  }

  private async replay(tenantId: string, earlier: StoredAnswer, digest: Buffer, reply: FastifyReply): Promise<unknown> {
    if (!earlier.bodyDigest.equals(digest)) throw conflicts.otherBody();
    if (earlier.status === null) throw conflicts.running();
    void reply.status(earlier.status).header('idempotent-replayed', 'true');
    if (earlier.response === null) return undefined;
    if (earlier.status >= 400) void reply.header('content-type', 'application/problem+json; charset=utf-8');
    return JSON.parse((await this.keyRing.open(placeOf(tenantId, earlier.id), earlier.response)).toString()) as unknown;
  }

  private async store(tenantId: string, id: string, status: number, body: unknown): Promise<void> {
    const response = body === undefined ? null : seal(await this.keyRing.tenantKey(tenantId), placeOf(tenantId, id), JSON.stringify(body));
    await this.database.forTenant(tenantId, (tx) =>
      changed(tx, 'UPDATE idempotency_keys SET status = $3, response = $4 WHERE tenant_id = $1 AND id = $2', [
        tenantId,
        id,
        status,
        response,
      ]),
    );
  }

  private async unlock(tenantId: string, id: string): Promise<void> {
    await this.database.forTenant(tenantId, (tx) =>
      changed(tx, 'DELETE FROM idempotency_keys WHERE tenant_id = $1 AND id = $2', [tenantId, id]),
    );
  }
}

defineSealedTable({ table: 'idempotency_keys', columns: ['response'] });

function placeOf(tenantId: string, rowId: string): Place {
  return { tenantId, table: 'idempotency_keys', column: 'response', rowId };
}
