import { Chat } from '@ai-sdk/react';
import { DefaultChatTransport, type UIMessage, WebSocketChatTransport } from 'ai';
import { WebSocket } from 'ws';
import type { TestStack, TestTenant } from './stack.ts';

/** How long a test waits for a chat, in milliseconds. */
const patienceMs = 20_000;

/** Who chats, and where. */
export interface Seat {
  stack: TestStack;
  tenant: TestTenant;
  /** The tenant's own id of the visitor. */
  visitor: string;
  conversation: string;
  /** Base URL of the server; the first replica unless given. */
  url?: string;
}

/** A chat of the AI SDK with a wire that can be cut. */
export interface CuttableChat {
  chat: Chat<UIMessage>;
  /** Loses the connection, as a dead network does: no goodbye. */
  cut: () => void;
  dispose: () => Promise<void>;
}

/** Asks for a ticket as the tenant's server does. */
export async function ticketFor({ stack, tenant }: Pick<Seat, 'stack' | 'tenant'>, visitor?: string): Promise<string> {
  const body = { bot_id: tenant.botId, ...(visitor === undefined ? {} : { visitor_id: visitor }) };
  const answer = await stack.request('POST', '/v1/chat/tickets', { token: tenant.apiKey, body });
  if (answer.status !== 201) throw new Error(`ticket: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body.ticket as string;
}

/** The AI SDK's chat over WebSocket, with a ticket for each connection. */
export function socketChat(seat: Seat): CuttableChat {
  const sockets: WebSocket[] = [];
  class KeptSocket extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      sockets.push(this);
    }
  }
  const transport = new WebSocketChatTransport<UIMessage>({
    url: `${seat.url ?? seat.stack.url}/v1/chat`,
    params: async () => ({ ticket: await ticketFor(seat, seat.visitor) }),
    webSocket: KeptSocket as never,
  });
  const chat = new Chat<UIMessage>({ id: seat.conversation, transport });
  const dispose = async () => {
    await chat.stop();
    transport.close();
  };
  return { chat, cut: () => sockets.at(-1)?.terminate(), dispose };
}

/** The AI SDK's chat over HTTP, with the API key, or with a ticket for each request. */
export function eventChat(seat: Seat, credential: 'key' | 'ticket' = 'key'): CuttableChat {
  let cut = (): void => undefined;
  const { tenant, visitor } = seat;
  const api = new URL(`${seat.url ?? seat.stack.url}/v1/chat`);
  if (credential === 'key') api.search = new URLSearchParams({ bot_id: tenant.botId, visitor_id: visitor }).toString();
  const transport = new DefaultChatTransport<UIMessage>({
    api: api.href,
    headers: async () => ({ authorization: `Bearer ${credential === 'key' ? tenant.apiKey : await ticketFor(seat, visitor)}` }),
    body: { bot_id: tenant.botId },
    fetch: async (url, init) => {
      const network = new AbortController();
      const signal = init?.signal == null ? network.signal : AbortSignal.any([init.signal, network.signal]);
      cut = () => network.abort(new TypeError('network error: the connection was lost'));
      return fetch(url, { ...init, signal });
    },
  });
  const chat = new Chat<UIMessage>({ id: seat.conversation, transport });
  return { chat, cut: () => cut(), dispose: () => chat.stop() };
}

/** Resolves when a chat looks as it should. */
export function until(chat: Chat<UIMessage>, what: string, fits: (chat: Chat<UIMessage>) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error) => {
      clearTimeout(timer);
      for (const forget of forgets) forget();
      if (error === undefined) resolve();
      else reject(error);
    };
    const seen = () => `${chat.status} ${chat.error?.message} ${JSON.stringify(chat.messages).slice(0, 1_000)}`;
    const timer = setTimeout(() => settle(new Error(`no ${what}: ${seen()}`)), patienceMs);
    const look = () => fits(chat) && settle();
    const forgets = [chat['~registerMessagesCallback'](look), chat['~registerStatusCallback'](look), chat['~registerErrorCallback'](look)];
    look();
  });
}

/** The text of the newest answer, as shown. */
export function shown(chat: Chat<UIMessage>): string {
  const last = chat.messages.at(-1);
  if (last?.role !== 'assistant') return '';
  return last.parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
}
