import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { newSecret } from '../../../../kernel/ids.ts';
import { KeyedHash, KeyRing, type Place, seal } from '../../../../platform/crypto/index.ts';
import { redisKeys, RedisConnections } from '../../../../platform/redis/index.ts';
import { identityErrors } from '../../identity.errors.ts';

const token = /^[\w-]{43}$/;
const uuidLength = 36;

/** A sign-on between its start and its callback. */
export const Flow = z.object({
  providerId: z.uuid(),
  /** Keyed hash of what the browser holds. */
  browser: z.string(),
  verifier: z.string(),
  nonce: z.string(),
  returnTo: z.string(),
  /** Who links an account of theirs, instead of signing in. */
  link: z.object({ userId: z.uuid(), sessionId: z.uuid(), role: z.enum(['owner', 'admin', 'developer', 'viewer']) }).optional(),
});
/** A sign-on between its start and its callback. */
export type Flow = z.output<typeof Flow>;

/** A sign-on between its callback and the exchange of its one-time code. */
export const Arrival = z.object({
  providerId: z.uuid(),
  browser: z.string(),
  outcome: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('member'), userId: z.uuid() }),
    /** Somebody with this verified e-mail is a member, and has not yet said that it is them. */
    z.object({ kind: z.literal('proof'), email: z.string(), subject: z.string() }),
  ]),
});
/** A sign-on between its callback and the exchange of its one-time code. */
export type Arrival = z.output<typeof Arrival>;

/** Whom a SAML provider has named, between its post and the page of ours that sees the cookie. */
export const Landing = Flow.pick({ providerId: true, returnTo: true, link: true }).extend({
  /** Undefined where the provider began. */
  browser: z.string().optional(),
  asserted: z.object({ subject: z.string(), email: z.string(), emailVerified: z.boolean() }),
});
/** Whom a SAML provider has named. */
export type Landing = z.output<typeof Landing>;

const shapes = { flow: Flow, code: Arrival, landing: Landing };
type Kind = keyof typeof shapes;
/** Seconds that each is kept. Who must look for a password has longer. */
const kept = { flow: 600, code: 60, proof: 300, landing: 60 };

/**
 * What a single sign-on keeps of itself: in Redis, sealed under the tenant's key, by the keyed hash of a token, and given out once. A flush costs
 * those who are signing in a new beginning.
 */
@Injectable()
export class SignOnFlows {
  constructor(
    private readonly redis: RedisConnections,
    private readonly hash: KeyedHash,
    private readonly keyRing: KeyRing,
  ) {}

  /** Keeps a flow for ten minutes; gives its `state`. */
  keepFlow(tenantId: string, flow: Flow): Promise<string> {
    return this.keep('flow', tenantId, flow, kept.flow);
  }

  /** Keeps an arrival for a minute, or for five where a password is needed; gives its code. */
  keepArrival(tenantId: string, arrival: Arrival): Promise<string> {
    return this.keep('code', tenantId, arrival, arrival.outcome.kind === 'proof' ? kept.proof : kept.code);
  }

  /** Keeps a landing for a minute; gives its token. */
  keepLanding(tenantId: string, landing: Landing): Promise<string> {
    return this.keep('landing', tenantId, landing, kept.landing);
  }

  /** The landing of a token, once. */
  takeLanding(given: string): Promise<{ tenantId: string; kept: Landing } | undefined> {
    return this.take('landing', given);
  }

  /** The flow of a `state`, once. */
  takeFlow(state: string): Promise<{ tenantId: string; kept: Flow } | undefined> {
    return this.take('flow', state);
  }

  /** The arrival of a code, once. */
  takeArrival(code: string): Promise<{ tenantId: string; kept: Arrival } | undefined> {
    return this.take('code', code);
  }

  /** What stands for a browser where something is kept for it. */
  browserOf(cookie: string): string {
    return this.hash.of('sign-on', 'browser', cookie).toString('base64url');
  }

  private async keep(kind: Kind, tenantId: string, value: Flow | Arrival | Landing, seconds: number): Promise<string> {
    const made = newSecret(32);
    const hash = this.hashOf(kind, made);
    const sealed = seal(await this.keyRing.tenantKey(tenantId), placeOf(tenantId, kind, hash), JSON.stringify(value));
    await this.redis.commands
      .set(redisKeys.signOn(kind, hash), Buffer.concat([Buffer.from(tenantId), sealed]), 'EX', seconds)
      .catch(unavailable);
    return made;
  }

  private async take<K extends Kind>(
    kind: K,
    given: string,
  ): Promise<{ tenantId: string; kept: z.output<(typeof shapes)[K]> } | undefined> {
    if (!token.test(given)) return undefined;
    const hash = this.hashOf(kind, given);
    // GETDEL is atomic: of any number of parallel calls one gets the value.
    const value = await this.redis.commands.getdelBuffer(redisKeys.signOn(kind, hash)).catch(unavailable);
    if (value === null) return undefined;
    const tenantId = value.subarray(0, uuidLength).toString();
    const opened = await this.keyRing.open(placeOf(tenantId, kind, hash), value.subarray(uuidLength));
    return { tenantId, kept: shapes[kind].parse(JSON.parse(opened.toString())) as z.output<(typeof shapes)[K]> };
  }

  private hashOf(kind: Kind, made: string): string {
    return this.hash.of('sign-on', kind, made).toString('hex');
  }
}

/** Not a table, and no other place either. */
function placeOf(tenantId: string, column: string, rowId: string): Place {
  return { tenantId, table: 'redis:sign_on', column, rowId };
}

function unavailable(cause: unknown): never {
  throw identityErrors.limitsUnavailable(cause);
}
