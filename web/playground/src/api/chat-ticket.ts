import { readJson, writeJson } from '../state/stored-json.ts';
import { callApi } from './call-api.ts';
import { type Credentials, SignedOut } from './credentials.ts';

/** A single-use ticket for one WebSocket connection, and what the bot says first. */
export interface ChatTicket {
  ticket: string;
  visitor_token?: string;
  bot?: { greeting: string | null };
}

const storage = () => localStorage;

/** Asks for a ticket. An anonymous visitor's token is kept, so that the next ticket is for the same person. */
export async function chatTicket(credentials: Credentials, botId: string): Promise<ChatTicket> {
  if (credentials.kind === 'member') return ask(credentials, { bot_id: botId });
  const key = `parley.visitor.${botId}`;
  const visitorToken = readJson(storage, key) as string | undefined;
  const answer = await askAsVisitor(credentials, botId, visitorToken);
  if (answer.visitor_token !== undefined) writeJson(storage, key, answer.visitor_token);
  return answer;
}

async function askAsVisitor(credentials: Credentials, botId: string, visitorToken: string | undefined): Promise<ChatTicket> {
  if (visitorToken === undefined) return ask(credentials, { bot_id: botId });
  try {
    return await ask(credentials, { bot_id: botId, visitor_token: visitorToken });
  } catch (error) {
    // A token that is not valid any more must not lock the visitor out: the next one is for a new person.
    if (error instanceof SignedOut) return ask(credentials, { bot_id: botId });
    throw error;
  }
}

function ask(credentials: Credentials, body: { bot_id: string; visitor_token?: string }): Promise<ChatTicket> {
  return credentials.call((bearer) => callApi<ChatTicket>('POST', '/v1/chat/tickets', { bearer, body }));
}
