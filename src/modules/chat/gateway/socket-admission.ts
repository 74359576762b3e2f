import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { commonErrors } from '../../../kernel/app-error.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { Authenticator, bearerOf } from '../../identity/index.ts';
import { Parties } from '../party.ts';
import type { Party } from '../turn/send-request.ts';

/** Who may open a socket: decided at the upgrade, never later. */
@Injectable()
export class SocketAdmission {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly parties: Parties,
  ) {}

  /**
   * By `Authorization: Bearer` (access token or API key, with `bot_id` and `visitor_id` in the query), or by a ticket as
   * sub-protocol `ticket.<…>` or query `ticket`. Throws AppError.
   */
  async admit(request: IncomingMessage): Promise<{ principal: Principal; party: Party }> {
    const query = new URL(request.url ?? '/', 'http://localhost').searchParams;
    const credential = credentialOf(request, query);
    const principal = await this.authenticator.authenticate(credential, { ticket: true, origin: request.headers.origin });
    if (!principal.permissions.has('chat.send')) throw commonErrors.forbidden();
    const named = { botId: query.get('bot_id') ?? undefined, visitorId: query.get('visitor_id') ?? undefined };
    return { principal, party: await this.parties.of(principal, named) };
  }
}

function credentialOf(request: IncomingMessage, query: URLSearchParams): string {
  const bearer = bearerOf(request);
  const ticket =
    query.get('ticket') ??
    request.headers['sec-websocket-protocol']
      ?.split(',')
      .map((name) => name.trim())
      .find((name) => name.startsWith('ticket.'))
      ?.slice('ticket.'.length);
  // A ticket anywhere but in the header is a ticket: a key in a URL would end up in somebody's log.
  if (bearer === undefined && ticket !== undefined && !ticket.startsWith('tkt_')) throw commonErrors.unauthenticated();
  const credential = bearer ?? ticket;
  if (credential === undefined) throw commonErrors.unauthenticated();
  return credential;
}
