import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { clock } from '../../../kernel/clock.ts';
import { newSecret } from '../../../kernel/ids.ts';
import { visitorPermissions } from '../../../kernel/permissions.ts';
import type { VisitorPrincipal } from '../../../kernel/principal.ts';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { redisKeys, RedisConnections } from '../../../platform/redis/index.ts';
import { CredentialWatch } from '../access/credential-watch.ts';
import { type IdentityConfig, identityConfig } from '../identity.config.ts';
import { identityErrors } from '../identity.errors.ts';

/** How every ticket begins. */
export const ticketPrefix = 'tkt_';
const pattern = /^tkt_[\w-]{43}$/;

/** Whom a ticket lets in. Ids are UUIDs. */
export interface TicketSubject {
  tenantId: string;
  botId: string;
  visitorId: string;
  /** The only `Origin` that may redeem the ticket; absent = any, or none. */
  origin?: string | undefined;
  /** The credential on which the ticket was issued. */
  vouchedBy: VisitorPrincipal['vouchedBy'];
  /** The tenant's key that signed who the visitor is, if any did. */
  identityKeyId?: string | undefined;
}

const Stored = z.object({
  tenantId: z.uuid(),
  botId: z.uuid(),
  visitorId: z.uuid(),
  origin: z.string().optional(),
  vouchedBy: z.object({ kind: z.enum(['api_key', 'session', 'oauth_client', 'oauth_grant']), id: z.uuid() }),
  identityKeyId: z.uuid().optional(),
  /** Milliseconds since the epoch. */
  expiresAt: z.number(),
});

/**
 * Chat tickets: good once, for seconds, bound to tenant, bot, visitor and perhaps origin. They live in Redis under their keyed
 * hash; a flush costs a visitor one more request.
 */
@Injectable()
export class Tickets {
  constructor(
    private readonly redis: RedisConnections,
    private readonly hash: KeyedHash,
    private readonly watch: CredentialWatch,
    @Inject(identityConfig.token) private readonly config: IdentityConfig,
  ) {}

  /** A new ticket, and until when it can be redeemed. */
  async issue(subject: TicketSubject): Promise<{ ticket: string; expiresAt: Date }> {
    const ticket = ticketPrefix + newSecret(32);
    const expiresAt = clock.now() + this.config.ticketSeconds * 1000;
    const { tenantId, botId, visitorId, origin, vouchedBy, identityKeyId } = subject;
    const stored: z.input<typeof Stored> = { tenantId, botId, visitorId, origin, vouchedBy, identityKeyId, expiresAt };
    await this.redis.commands.set(this.keyOf(ticket), JSON.stringify(stored), 'EX', this.config.ticketSeconds);
    return { ticket, expiresAt: new Date(expiresAt) };
  }

  /**
   * Uses a ticket up and gives its visitor. `origin` is the request's `Origin` header. Throws 401 `ticket_invalid` when the
   * ticket is unknown, used or expired, its credential or tenant no longer counts or its visitor has been erased, and 403
   * `origin_not_allowed` or `visitor_banned`.
   */
  async redeem(ticket: string, origin?: string): Promise<VisitorPrincipal> {
    if (!pattern.test(ticket)) throw identityErrors.ticketInvalid();
    // GETDEL is atomic: of any number of parallel calls one gets the value.
    const value = await this.redis.commands.getdel(this.keyOf(ticket));
    if (value === null) throw identityErrors.ticketInvalid();
    const stored = Stored.parse(JSON.parse(value));
    if (stored.expiresAt <= clock.now()) throw identityErrors.ticketInvalid();
    if (stored.origin !== undefined && stored.origin !== origin) throw identityErrors.originNotAllowed();
    const { tenantId, botId, visitorId, vouchedBy, identityKeyId } = stored;
    const signed = identityKeyId === undefined ? {} : { identityKeyId };
    const visitor: VisitorPrincipal = {
      kind: 'visitor',
      tenantId,
      botId,
      visitorId,
      vouchedBy,
      ...signed,
      permissions: visitorPermissions,
    };
    const admitted = await this.watch.admits(visitor);
    if (admitted === 'no') throw identityErrors.ticketInvalid();
    if (admitted === 'banned') throw identityErrors.visitorBanned();
    return visitor;
  }

  private keyOf(ticket: string): string {
    return redisKeys.ticket(this.hash.of('ticket', ticket).toString('hex'));
  }
}
