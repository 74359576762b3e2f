import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changed } from '../../src/platform/database/index.ts';
import { ticketFor } from '../support/ai-chat.ts';
import { openChat } from '../support/chat-client.ts';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';
import { numbered, scripted, theCall } from '../support/witness.ts';

/* Who may open a chat socket, and for how long. */

const page = 'https://shop.example';

let stack: TestStack;
let tenant: TestTenant;
const logged: string[] = [];

beforeAll(async () => {
  stack = await testStack({ onLog: (line) => logged.push(line), env: { DRAIN_TIMEOUT_MS: '200' } });
  tenant = await stack.tenant({ allowed_origins: [page] });
});
afterAll(() => stack.close());

function urlWith(query: Record<string, string>): string {
  return `${stack.wsUrl}?${new URLSearchParams(query).toString()}`;
}

async function publishableKey(): Promise<string> {
  const body = { name: 'widget', kind: 'publishable', bot_id: tenant.botId };
  const made = await stack.request('POST', '/v1/api-keys', { token: tenant.accessToken, body });
  expect(made.status).toBe(201);
  return made.body.key as string;
}

function askForTicket(token: string, more: object = {}, origin: string | null = page) {
  const headers: Record<string, string> = origin === null ? {} : { origin };
  return stack.request('POST', '/v1/chat/tickets', { token, headers, body: { bot_id: tenant.botId, ...more } });
}

it('a ticket opens as sub-protocol, of which the server answers only its own', async () => {
  const ticket = await ticketFor({ stack, tenant });
  const client = await openChat(stack.wsUrl, { protocols: ['parley.v1', `ticket.${ticket}`] });
  expect(client.ws.protocol).toBe('parley.v1');
  const text = scripted({ tokens: 3 });
  expect((await client.answer(client.ask('c', text))).text).toBe((await theCall(stack, text)).text_served);
  await client.close();
});

it('a ticket opens as query, once', async () => {
  const ticket = await ticketFor({ stack, tenant });
  const client = await openChat(urlWith({ ticket }));
  expect((await client.answer(client.ask('c', scripted({ tokens: 2 })))).text).toBe('t0 t1');
  await client.close();
  const second = await openChat(urlWith({ ticket }));
  expect(await second.closed).toEqual({ code: 4401, reason: 'ticket_invalid' });
  const third = await openChat(stack.wsUrl, { protocols: ['parley.v1', `ticket.${ticket}`] });
  expect((await third.closed).code).toBe(4401);
  // Neither tickets nor keys reach a log.
  expect(logged.length).toBeGreaterThan(0);
  expect(logged.join('\n')).not.toContain(ticket);
});

it('a bearer credential opens for the bot and the visitor that the query names', async () => {
  const named = { bot_id: tenant.botId, visitor_id: randomUUID() };
  const client = await openChat(urlWith(named), { credential: tenant.apiKey });
  expect((await client.answer(client.ask('c', scripted({ tokens: 2 })))).text).toBe('t0 t1');
  const conversations = await stack.request('GET', `/v1/conversations?visitor_id=${named.visitor_id}`, { token: tenant.apiKey });
  expect(conversations.body.data).toHaveLength(1);
  const member = await openChat(urlWith({ bot_id: tenant.botId }), { credential: tenant.accessToken });
  expect((await member.answer(member.ask('c', scripted({ tokens: 1 })))).text).toBe('t0');
  await Promise.all([client.close(), member.close()]);
});

it.each<[string, () => Promise<{ query?: Record<string, string>; credential?: string; protocols?: string[] }>, number]>([
  ['no credential', async () => ({}), 4401],
  ['a wrong key', async () => ({ credential: 'sk_live_nonsense', query: { bot_id: tenant.botId } }), 4401],
  ['a wrong ticket', async () => ({ query: { ticket: `tkt_${'A'.repeat(43)}` } }), 4401],
  ['an API key in the query', async () => ({ query: { ticket: tenant.apiKey, bot_id: tenant.botId } }), 4401],
  ['an API key as sub-protocol', async () => ({ protocols: ['parley.v1', `ticket.${tenant.apiKey}`] }), 4401],
  ['an access token in the query', async () => ({ query: { ticket: tenant.accessToken, bot_id: tenant.botId } }), 4401],
  ['a publishable key', async () => ({ credential: await publishableKey(), query: { bot_id: tenant.botId } }), 4403],
  ['no bot', async () => ({ credential: tenant.apiKey }), 1008],
  ['a foreign bot', async () => ({ credential: tenant.apiKey, query: { bot_id: (await stack.tenant()).botId } }), 4403],
])('%s is refused at the door, with a code that a browser can see', async (_name, make, code) => {
  const { query = {}, ...options } = await make();
  const client = await openChat(urlWith(query), options);
  // Whatever it says first is never looked at.
  const text = scripted({ tokens: 1 });
  client.ask('c', text);
  expect((await client.closed).code).toBe(code);
  expect(client.frames).toEqual([]);
});

it('another path is no socket', async () => {
  await expect(openChat(`${stack.wsUrl}/else`)).rejects.toThrow('404');
});

describe('a page with a publishable key', () => {
  it('gets tickets for its own origin alone, and they open there alone', async () => {
    const key = await publishableKey();
    for (const origin of ['https://evil.example', 'null', null]) {
      const refused = await askForTicket(key, {}, origin);
      expect([refused.status, refused.body.code]).toEqual([403, 'origin_not_allowed']);
    }
    expect((await askForTicket(key, { visitor_id: 'boss' })).status).toBe(403);
    for (const origin of ['https://evil.example', null]) {
      const { body } = await askForTicket(key);
      const client = await openChat(urlWith({ ticket: body.ticket }), origin === null ? {} : { origin });
      expect(await client.closed).toEqual({ code: 4403, reason: 'origin_not_allowed' });
    }
    const { body } = await askForTicket(key);
    const client = await openChat(urlWith({ ticket: body.ticket }), { origin: page });
    expect((await client.answer(client.ask('c', scripted({ tokens: 2 })))).text).toBe('t0 t1');
    await client.close();
  });

  it('knows an anonymous visitor again by the visitor token', async () => {
    const key = await publishableKey();
    const first = (await askForTicket(key)).body;
    const text = scripted({ tokens: 4 });
    const before = await openChat(urlWith({ ticket: first.ticket }), { origin: page });
    await before.answer(before.ask('c', text));
    await before.close();
    const again = (await askForTicket(key, { visitor_token: first.visitor_token })).body;
    expect(again.visitor_id).toBe(first.visitor_id);
    const after = await openChat(urlWith({ ticket: again.ticket }), { origin: page });
    expect((await after.answer(after.resume('c'))).text).toBe(numbered(4));
    const stranger = (await askForTicket(key)).body;
    expect(stranger.visitor_id).not.toBe(first.visitor_id);
    const other = await openChat(urlWith({ ticket: stranger.ticket }), { origin: page });
    expect((await other.ended(other.resume('c'))).type).toBe('no-active');
    await Promise.all([after.close(), other.close()]);
    const forged = await askForTicket(key, { visitor_token: `${first.visitor_token}x` });
    expect(forged.status).toBe(401);
  });
});

describe.concurrent('within five seconds', () => {
  async function openBoth(of: TestTenant) {
    const ticket = await ticketFor({ stack, tenant: of });
    const byKey = await openChat(urlWith({ bot_id: of.botId }), { credential: of.apiKey });
    const byTicket = await openChat(urlWith({ ticket }));
    const streaming = byTicket.ask('c', scripted({ tokens: 10_000, tokens_per_second: 20 }));
    await byTicket.shows(streaming, 4);
    return [byKey, byTicket];
  }

  async function expectClosed(clients: Awaited<ReturnType<typeof openBoth>>): Promise<void> {
    const since = Date.now();
    for (const client of clients) expect((await client.closed).code).toBe(4401);
    expect(Date.now() - since).toBeLessThan(5_000);
  }

  it('a revoked key closes its sockets and those of its tickets', async () => {
    const revoked = await stack.tenant();
    const clients = await openBoth(revoked);
    const bystander = await openChat(urlWith({ bot_id: tenant.botId }), { credential: tenant.apiKey });
    const answer = await stack.request('DELETE', `/v1/api-keys/${revoked.apiKeyId}`, { token: revoked.accessToken });
    expect(answer.status).toBeLessThan(300);
    await expectClosed(clients);
    expect(bystander.ws.readyState).toBe(bystander.ws.OPEN);
    await bystander.close();
  });

  it('a suspended tenant loses all its sockets', async () => {
    const suspended = await stack.tenant();
    const clients = await openBoth(suspended);
    clients.push(await openChat(urlWith({ bot_id: suspended.botId }), { credential: suspended.accessToken }));
    await stack.db.forTenant(suspended.tenantUuid, (tx) => changed(tx, `UPDATE tenants SET status = 'suspended'`));
    await expectClosed(clients);
    expect(clients).toHaveLength(3);
  });
});
