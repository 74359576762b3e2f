import { randomUUID } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import OpenAI from 'openai';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../scripts/local/ports.mjs';
import { startProxy } from '../../scripts/local/proxies.mjs';
import type { RunningServer } from '../../src/apps/server.main.ts';
import { type ChatClient, openChat, userMessage } from '../support/chat-client.ts';
import { counted, resume, send } from '../support/event-stream.ts';
import { rawRequest } from '../support/raw-http.ts';
import { caller, type TestStack, type TestTenant, testStack } from '../support/stack.ts';
import { scripted } from '../support/witness.ts';
import { localCertificate } from './support/certificate.ts';
import { scratchFolder } from './support/child-replicas.ts';

/* The same chat through each proxy, with the configuration that is shipped. */

const signInsPerMinute = 5;
const metricsToken = 'a-token-that-opens-the-metrics';

let stack: TestStack;
let tenant: TestTenant;
let replicas: RunningServer[];
let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let certificate: Awaited<ReturnType<typeof localCertificate>>;

beforeAll(async () => {
  stack = await testStack({
    env: { TRUST_PROXY: '127.0.0.1', METRICS_TOKEN: metricsToken, AUTH_SIGN_IN_PER_ADDRESS_PER_MINUTE: String(signInsPerMinute) },
  });
  tenant = await stack.tenant();
  scratch = await scratchFolder();
  certificate = await localCertificate(scratch.dir);
});
afterAll(async () => {
  await stack.close();
  await scratch.remove();
});

/** In how many bursts something came. A proxy that gathers gives fewer; a busy machine only later ones. */
const burstsOf = (times: number[]) => times.filter((time, at) => at === 0 || time - (times[at - 1] as number) > 15).length;

const target = ({ url }: RunningServer) => ({ host: '127.0.0.1', port: Number(new URL(url).port) });

describe.each(['haproxy', 'nginx', 'apache'] as const)('through %s', (kind) => {
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let tls: { cert: string; key: string; port: number };

  beforeAll(async () => {
    replicas = [await stack.replica(), await stack.replica()];
    tls = { ...certificate, port: await freePort() };
    const logFile = join(scratch.dir, `${kind}.log`);
    proxy = await startProxy({ kind, dir: join(scratch.dir, kind), logFile, tls, replicas: replicas.map(target) });
  });
  afterAll(async () => {
    await proxy.stop();
    await Promise.all(replicas.map((replica) => replica.stop()));
  });

  const socketUrl = (base = proxy.url.replace('http', 'ws')) =>
    `${base}/v1/chat?${new URLSearchParams({ bot_id: tenant.botId, visitor_id: 'ada' }).toString()}`;
  const open = (): Promise<ChatClient> => openChat(socketUrl(), { credential: tenant.apiKey });

  it('P3: pieces of an answer arrive as they are produced', async () => {
    const client = await open();
    const times: number[] = [];
    client.ws.on('message', (data) => (data as Buffer).includes('text-delta') && times.push(performance.now()));
    const answer = await client.answer(client.ask(randomUUID(), scripted({ tokens: 20, tokens_per_second: 20 })));
    expect(answer.text).toBe(counted(20));
    expect(burstsOf(times)).toBeGreaterThan(10);
    await client.close();
  });

  it('P3: server-sent events arrive as they are produced, and go on after a cut by Last-Event-ID', async () => {
    const conversation = randomUUID();
    const stream = await send(proxy.url, tenant, { conversation, text: scripted({ tokens: 40, tokens_per_second: 20 }) });
    const times: number[] = [];
    for await (const { sequence } of stream) {
      times.push(performance.now());
      if (sequence === 20) break;
    }
    expect(burstsOf(times)).toBeGreaterThan(10);
    const seen = stream.events.length;
    await stream.response.body?.cancel().catch(() => undefined);
    const rest = await (await resume(proxy.url, tenant, conversation, stream.events[seen - 1]?.cursor))?.finished();
    expect(rest?.done).toBe(true);
    expect([...stream.events.slice(0, seen), ...(rest?.events ?? [])].map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: seen + (rest?.events.length ?? 0) }, (_, at) => at),
    );
  });

  it('an OpenAI client streams and gets answers in one piece', async () => {
    const client = new OpenAI({ apiKey: tenant.apiKey, baseURL: `${proxy.url}/v1`, maxRetries: 0 });
    const messages = [{ role: 'user' as const, content: scripted({ tokens: 5 }) }];
    expect((await client.chat.completions.create({ model: tenant.botId, messages })).choices[0]?.message.content).toBe(counted(5));
    let text = '';
    for await (const chunk of await client.chat.completions.create({ model: tenant.botId, messages, stream: true }))
      text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe(counted(5));
  });

  it('a frame of 4 MiB passes; one that is larger ends its socket', async () => {
    const client = await open();
    const frame = {
      type: 'send',
      requestId: 'r',
      id: randomUUID(),
      messages: [userMessage(scripted({ tokens: 1 }))],
      headers: {},
      body: {},
    };
    const filler = 'x'.repeat(4 * 1_048_576 - Buffer.byteLength(JSON.stringify({ ...frame, filler: '' })));
    client.send({ ...frame, filler });
    expect((await client.answer('r')).text).toBe('t0');
    client.send({ ...frame, filler: `${filler}x` });
    // The replica reads no further, and a proxy that is still writing may give up before it has read the 1009.
    expect([1009, 1006]).toContain((await client.closed).code);
  });

  it('P10: 1012 and its reason pass, and the answer goes on through another replica', async () => {
    const clients = await Promise.all([open(), open(), open(), open()]);
    const text = scripted({ tokens: 60, tokens_per_second: 30 });
    const asked = clients.map((client) => [client, randomUUID()] as const);
    const ids = asked.map(([client, conversation]) => client.ask(conversation, text));
    await Promise.all(asked.map(([client], at) => client.shows(ids[at] as string, 20)));
    const [leaving] = replicas.splice(0, 1, await stack.replica());
    await leaving?.stop();
    const another = replicas[0] as RunningServer;
    await proxy.setReplicas(replicas.map(target));
    expect(target(another).port).not.toBe(leaving && target(leaving).port);
    const gone = asked.map(([client], at) => ({ client, id: ids[at] as string, conversation: asked[at]?.[1] as string }));
    const closed = gone.filter(({ client }) => client.ws.readyState !== client.ws.OPEN);
    expect(closed.length).toBeGreaterThan(0);
    for (const { client, id, conversation } of closed) {
      expect(await client.closed).toEqual({ code: 1012, reason: 'restart' });
      const before = client.read(id);
      const next = await open();
      const resumed = next.resume(conversation, `${before.cursorPrefix}${before.last}`);
      expect((await next.ended(resumed)).type).toBe('end');
      const after = next.read(resumed, before.last + 1);
      expect(before.text + after.text).toBe(counted(60));
      await next.close();
    }
    for (const { client } of gone) client.ws.terminate();
  });

  it('P9: an address that a client makes up is not believed, and the limit of its real one answers 429', async () => {
    const request = caller(proxy.url);
    const statuses: number[] = [];
    for (let at = 0; at < signInsPerMinute + 3; at += 1) {
      const headers = { 'x-forwarded-for': `198.51.100.${at}`, forwarded: `for=198.51.100.${at}`, 'x-real-ip': `198.51.100.${at}` };
      const body = { email: `nobody-${randomUUID()}@example.com`, password: 'wrong password' };
      statuses.push((await request('POST', '/v1/auth/sign-in', { body, headers })).status);
    }
    expect(statuses.at(-1)).toBe(429);
  });

  it.each(['/metrics', '//metrics', '/METRICS', '/%6detrics', '/./metrics', '/metrics?x', '/v1/../metrics', '/metrics/'])(
    'keeps %s from outside',
    async (path) => {
      // Even from who has the token: the proxy itself refuses.
      const answer = await rawRequest(proxy.url, { path, headers: [`Authorization: Bearer ${metricsToken}`] });
      expect([400, 404]).toContain(answer.status);
      expect(answer.body).not.toContain('process_cpu');
    },
  );

  it('refuses headers that are too large, methods that nobody needs, and upgrades elsewhere', async () => {
    const large = await rawRequest(proxy.url, { path: '/livez', headers: [`X-Large: ${'x'.repeat(40_000)}`] });
    expect([400, 414, 431]).toContain(large.status);
    expect([400, 405]).toContain((await rawRequest(proxy.url, { method: 'TRACE', path: '/livez' })).status);
    const upgrade = ['Upgrade: websocket', 'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`];
    expect((await rawRequest(proxy.url, { path: '/livez', headers: upgrade })).status).not.toBe(101);
    await expect(openChat(`${proxy.url.replace('http', 'ws')}/livez`)).rejects.toThrow();
  });

  it('speaks TLS 1.2 and later, and carries the chat', async () => {
    const base = `wss://localhost:${tls.port}`;
    const client = await openChat(socketUrl(base), { credential: tenant.apiKey, ca: certificate.ca });
    expect((await client.answer(client.ask(randomUUID(), scripted({ tokens: 3 })))).text).toBe(counted(3));
    await client.close();
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const options = { ca: certificate.ca, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
      httpsRequest(`https://localhost:${tls.port}/livez`, options, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
    const old = new Promise((resolve, reject) => {
      const options = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0', ca: certificate.ca } as const;
      connect(tls.port, 'localhost', options, () => resolve('accepted')).on('error', reject);
    });
    await expect(old).rejects.toThrow();
  });
});

it.each(['haproxy', 'nginx'] as const)('%s answers 429 beyond its own limit of a client, before a replica is asked', async (kind) => {
  const one = await stack.replica();
  const options = { kind, dir: join(scratch.dir, `${kind}-limited`), logFile: join(scratch.dir, `${kind}-limited.log`) };
  const proxy = await startProxy({ ...options, replicas: [target(one)], limits: { requestsPer10s: 30 } });
  const statuses = await Promise.all(Array.from({ length: 60 }, async () => (await fetch(`${proxy.url}/livez`)).status));
  expect(statuses).toContain(200);
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(10);
  await proxy.stop();
  await one.stop();
});
