import { Inject, Injectable } from '@nestjs/common';
import { commonErrors } from '../../../kernel/app-error.ts';
import { publicId, uuidOf } from '../../../kernel/ids.ts';
import type { Principal, VisitorPrincipal } from '../../../kernel/principal.ts';
import { type HttpConfig, httpConfig, publicUrlOf } from '../../../platform/http/index.ts';
import { botErrors, type PublishedBot, PublishedBots } from '../../bots/index.ts';
import { AttemptLimits, IdentityTokens, Tickets, type Visitor, Visitors, VisitorTokens } from '../../identity/index.ts';
import { chatErrors } from '../chat.errors.ts';
import { ownVisitorOf } from '../party.ts';
import type { CreateTicket } from './tickets.schemas.ts';

type Asker = Exclude<Principal, { kind: 'visitor' }>;

/** Who is let in, and on whose word. */
interface Admitted {
  visitor: Visitor;
  /** The key that signed who they are. */
  identityKeyId?: string;
}

/** Where a request comes from. */
export interface Origin {
  address: string;
  /** The `Origin` header, which browsers cannot forge. */
  origin: string | undefined;
}

/** Lets visitors in: a tenant's server vouches for whom it likes, a page's publishable key for anonymous ones and those for whom the server has signed. */
@Injectable()
export class ChatTickets {
  constructor(
    private readonly bots: PublishedBots,
    private readonly visitors: Visitors,
    private readonly visitorTokens: VisitorTokens,
    private readonly identityTokens: IdentityTokens,
    private readonly tickets: Tickets,
    private readonly limits: AttemptLimits,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
  ) {}

  /** Issues a ticket. Throws 401 for a token that does not count, 403 for a foreign origin, a banned visitor or an anonymous one where the bot takes none, 404 for a foreign bot, 429 when asked too often. */
  async create(caller: Principal, body: CreateTicket, from: Origin) {
    if (caller.kind === 'visitor') throw commonErrors.forbidden();
    const publishable = caller.kind === 'api_key' && caller.publishable;
    // A tenant's server asks for many visitors from one address; a page's visitors each have their own.
    // Anybody has a publishable key: a limit on it would let anybody shut all the others out.
    if (publishable) await this.limits.ticketFromPage(from.address);
    else await this.limits.ticket(voucherOf(caller).id);
    const bot = await this.findBot(caller, body.bot_id);
    if (publishable && (from.origin === undefined || !bot.allowedOrigins.includes(from.origin))) throw chatErrors.originNotAllowed();
    const { visitor, identityKeyId } = await this.visitorOf(caller, body, bot);
    const { ticket, expiresAt } = await this.tickets.issue({
      tenantId: caller.tenantId,
      botId: bot.id,
      visitorId: visitor.id,
      ...(publishable ? { origin: from.origin } : {}),
      vouchedBy: voucherOf(caller),
      identityKeyId,
    });
    return {
      object: 'chat_ticket' as const,
      ticket,
      expires_at: expiresAt.toISOString(),
      visitor_id: visitor.externalId,
      // Who is known comes back with a new identity token, which does not live for months.
      ...(publishable && identityKeyId === undefined
        ? { visitor_token: await this.visitorTokens.issue({ tenantId: caller.tenantId, botId: bot.id, visitorId: visitor.id }) }
        : {}),
      ws_url: `${publicUrlOf(this.http).replace(/^http/, 'ws')}/v1/chat`,
      bot: { id: publicId('bot', bot.id), greeting: bot.settings.greeting },
    };
  }

  private async findBot(caller: Asker, id: string): Promise<PublishedBot> {
    const botId = uuidOf('bot', id);
    const bound = caller.kind === 'api_key' ? caller.botId : undefined;
    const bot = botId === undefined || (bound !== undefined && bound !== botId) ? undefined : await this.bots.find(caller.tenantId, botId);
    if (bot === undefined) throw botErrors.notFound();
    return bot;
  }

  private async visitorOf(caller: Asker, body: CreateTicket, bot: PublishedBot): Promise<Admitted> {
    const { tenantId } = caller;
    const publishable = caller.kind === 'api_key' && caller.publishable;
    if (body.identity_token !== undefined) return this.identified(tenantId, body, bot);
    if (!publishable && body.visitor_id !== undefined) return { visitor: await this.visitors.resolve(tenantId, body.visitor_id) };
    if (caller.kind === 'user' || (caller.kind === 'oauth_client' && caller.member !== undefined))
      return { visitor: await this.visitors.resolve(tenantId, ownVisitorOf(caller)) };
    if (body.visitor_id !== undefined) throw commonErrors.forbidden('A publishable key cannot vouch for a visitor.');
    if (bot.settings.enforce_identity) throw chatErrors.identityRequired();
    if (body.visitor_token === undefined) return { visitor: await this.visitors.createAnonymous(tenantId) };
    const known = await this.visitorTokens.verify(body.visitor_token);
    if (known.tenantId !== tenantId || known.botId !== bot.id) throw commonErrors.unauthenticated('The visitor token is not valid here.');
    return { visitor: { id: known.visitorId, externalId: publicId('visitor', known.visitorId) } };
  }

  private async identified(tenantId: string, body: CreateTicket, bot: PublishedBot): Promise<Admitted> {
    if (body.visitor_id !== undefined || body.visitor_token !== undefined) throw chatErrors.oneIdentity();
    const audience = [publicId('bot', bot.id), publicId('tenant', tenantId)];
    const { externalId, identityKeyId, traits } = await this.identityTokens.verify(tenantId, body.identity_token ?? '', audience);
    const visitor = await this.visitors.resolve(tenantId, externalId);
    if (traits !== undefined) await this.visitors.describe(tenantId, visitor.id, traits);
    return { visitor, identityKeyId };
  }
}

/** What a visitor's sockets stand on. A client that acts for itself has tokens of minutes only, so it is the client. */
function voucherOf(caller: Asker): VisitorPrincipal['vouchedBy'] {
  if (caller.kind === 'user') return { kind: 'session', id: caller.sessionId };
  if (caller.kind === 'api_key') return { kind: 'api_key', id: caller.keyId };
  return caller.member === undefined ? { kind: 'oauth_client', id: caller.clientId } : { kind: 'oauth_grant', id: caller.grantId };
}
