import { Injectable } from '@nestjs/common';
import { publicId, uuidOf } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import { botErrors, PublishedBots } from '../bots/index.ts';
import { Visitors } from '../identity/index.ts';
import { chatErrors } from './chat.errors.ts';
import type { Party } from './turn/send-request.ts';

/** Whom and what a caller with a key or an access token names. */
export interface NamedParty {
  botId: string | undefined;
  /** The tenant's own id of the visitor; absent = the caller's own. */
  visitorId: string | undefined;
}

/** Finds out who talks with which bot. */
@Injectable()
export class Parties {
  constructor(
    private readonly bots: PublishedBots,
    private readonly visitors: Visitors,
  ) {}

  /** A visitor is what the ticket says; keys and members name bot and visitor. Throws 400 without a bot, 404 for a foreign one. */
  async of(principal: Principal, named: NamedParty): Promise<Party> {
    const { tenantId } = principal;
    const key =
      principal.kind === 'api_key'
        ? principal.keyId
        : principal.kind === 'visitor' && principal.vouchedBy.kind === 'api_key'
          ? principal.vouchedBy.id
          : undefined;
    const apiKey = key === undefined ? {} : { apiKeyId: key };
    if (principal.kind === 'visitor') return { tenantId, botId: principal.botId, visitorId: principal.visitorId, ...apiKey };
    if (named.botId === undefined) throw chatErrors.botRequired();
    const botId = uuidOf('bot', named.botId);
    if (botId === undefined || (await this.bots.find(tenantId, botId)) === undefined) throw botErrors.notFound();
    const visitor = await this.visitors.resolve(tenantId, named.visitorId ?? ownVisitorOf(principal));
    return { tenantId, botId, visitorId: visitor.id, ...apiKey };
  }
}

/** The visitor that a caller is when it names none: itself. */
export function ownVisitorOf(principal: Exclude<Principal, { kind: 'visitor' }>): string {
  if (principal.kind === 'user') return publicId('user', principal.userId);
  if (principal.kind === 'api_key') return publicId('apiKey', principal.keyId);
  const { clientId, member } = principal;
  return member === undefined ? publicId('oauthClient', clientId) : publicId('user', member.userId);
}
