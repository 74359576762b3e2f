import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { counted, scripted, send } from '../support/event-stream.ts';
import { databaseUrls, makeTemplates, templates } from '../support/services.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';
import { FaultProxy } from './support/fault-proxy.ts';
import {
  aliveWithinMs,
  answerWithinMs,
  expectFrameRefused,
  expectRefused,
  openSocket,
  readThrough,
  sendBody,
  through,
  until,
  untilReadiness,
  watchLife,
} from './support/outage.ts';
import { OwnPostgres } from './support/owned-services.ts';

const outageMs = 10_000;

interface PostgresStack {
  stack: TestStack;
  tenant: TestTenant;
  /** Before the data, and before the keystore. */
  proxy: FaultProxy;
  keystore: FaultProxy;
}

/** Runs `work` on a server whose ways to its databases can be disturbed. */
async function withPostgres(work: (on: PostgresStack) => Promise<void>, env: Record<string, string> = {}): Promise<void> {
  const upstream = { host: '127.0.0.1', port: Number(new URL(inject('postgresUrl')).port) };
  const [proxy, keystore] = await Promise.all([FaultProxy.start(upstream), FaultProxy.start(upstream)]);
  try {
    const stack = await testStack({
      env,
      through: { database: (url) => through(url, proxy), keystore: (url) => through(url, keystore) },
    });
    try {
      await work({ stack, tenant: await stack.tenant(), proxy, keystore });
    } finally {
      proxy.heal();
      keystore.heal();
      await stack.close();
    }
  } finally {
    await Promise.all([proxy.close(), keystore.close()]);
  }
}

const faults = [
  { name: 'refuses connections', begin: ({ proxy }: PostgresStack) => proxy.refuse() },
  { name: 'is a black hole', begin: ({ proxy }: PostgresStack) => proxy.stall() },
];

describe.concurrent.each(faults)('P1: a Postgres that $name for ten seconds', ({ begin }) => {
  it('costs no answer: everybody is answered in time, answers go on, and everything heals', { timeout: 90_000 }, () =>
    withPostgres(async (on) => {
      const { stack, tenant, proxy } = on;
      const other = await stack.replica();
      const socket = await openSocket(stack.url, tenant);
      const asker = await openSocket(stack.url, tenant);
      // One ends during the outage, and its end can only be told afterwards; the other goes on past it.
      const short = socket.ask('short', scripted({ tokens: 100, tokens_per_second: 50 }));
      const long = socket.ask('long', scripted({ tokens: 750, tokens_per_second: 50 }));
      await socket.shows(short, 20);
      await socket.shows(long, 20);
      const elsewhere = readThrough(other.url, tenant, 'long');
      elsewhere.catch(() => undefined);

      begin(on);
      const outage = performance.now();
      const life = watchLife(stack);
      await untilReadiness(stack, 'database', 'unreachable', 2_500);
      await Promise.all([
        expectRefused(stack, '/v1/chat', { token: tenant.apiKey, body: sendBody(tenant) }),
        expectRefused(stack, `/v1/chat/long/stop?bot_id=${tenant.botId}`, { token: tenant.apiKey }),
        expectRefused(stack, '/v1/conversations', { token: tenant.accessToken }, 'GET'),
        expectFrameRefused(asker.problem(asker.ask('refused', 'Hello'))),
        expectFrameRefused(asker.problem(asker.resume('long'))),
        handshakeEnds(stack, tenant),
      ]);
      // The model's words are shown all the while: Redis has them.
      await socket.shows(long, 1_000);
      await until('end of the outage', outageMs, () => performance.now() - outage >= outageMs);
      expect(socket.frames.some(({ type, requestId }) => type === 'end' && requestId === short)).toBe(false);
      proxy.heal();

      await untilReadiness(stack, 'database', 'ok', 6_000);
      expect(await life()).toBeLessThan(aliveWithinMs);
      expect((await socket.answer(short)).text).toBe(counted(100));
      expect((await socket.answer(long)).text).toBe(counted(750));
      expect((await elsewhere).text).toBe(counted(750));
      expect((await (await send(stack.url, tenant, { conversation: 'after', text: scripted({ tokens: 5 }) })).finished()).text).toBe(
        counted(5),
      );
      // Nobody was taken for gone meanwhile, so nothing was answered twice.
      expect(stack.model.witness.entries({ limit: Infinity }).entries).toHaveLength(3);
      await other.stop();
    }),
  );
});

describe.concurrent('P1: while Postgres is a black hole', () => {
  it('a replica that is told to stop ends in bounded time', { timeout: 60_000 }, () =>
    withPostgres(
      async ({ stack, tenant, proxy }) => {
        const leaving = await stack.replica();
        const socket = await openSocket(leaving.url, tenant);
        const scripts = [{ tokens: 900, tokens_per_second: 20 }, { tokens: 30 }];
        stack.model.scripts.add({ match: 'leaving-marker', scripts });
        await socket.shows(socket.ask('leaving', 'leaving-marker'), 10);
        proxy.stall();
        const began = performance.now();
        await leaving.stop();
        expect(performance.now() - began).toBeLessThan(14_000);
        expect(await socket.closed).toMatchObject({ code: 1012 });
        proxy.heal();
        // Handed over: another replica brings it to its end.
        expect((await readThrough(stack.url, tenant, 'leaving')).text).toContain('t29');
      },
      { DRAIN_TIMEOUT_MS: '500' },
    ),
  );

  it.each([
    { name: 'refuses connections', begin: ({ keystore }: PostgresStack) => keystore.refuse() },
    { name: 'is a black hole', begin: ({ keystore }: PostgresStack) => keystore.stall() },
  ])('a keystore that $name: known visitors go on, new ones are refused clearly', { timeout: 60_000 }, ({ begin }) =>
    withPostgres(async (on) => {
      const { stack, tenant, keystore } = on;
      await (await send(stack.url, tenant, { conversation: 'before' })).finished();
      begin(on);
      await untilReadiness(stack, 'keystore', 'unreachable', 2_500);
      expect((await (await send(stack.url, tenant, { conversation: 'during', text: scripted({ tokens: 5 }) })).finished()).text).toBe(
        counted(5),
      );
      await expectRefused(stack, '/v1/chat', { token: tenant.apiKey, body: { ...sendBody(tenant), visitor_id: 'new' } });
      keystore.heal();
      await untilReadiness(stack, 'keystore', 'ok', 6_000);
      const socket = await openSocket(stack.url, tenant, 'new');
      expect((await socket.answer(socket.ask('new', scripted({ tokens: 5 })))).text).toBe(counted(5));
    }),
  );
});

describe('P1: a Postgres that is shut down at once', () => {
  let folder = '';
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('mid-answer: acknowledged messages are there, answers come to their end', { timeout: 90_000 }, async () => {
    folder = await mkdtemp(join(tmpdir(), 'parley-postgres-faults-'));
    const postgres = await OwnPostgres.start(folder, true);
    try {
      await makeTemplates(postgres.url);
      const urls = databaseUrls(postgres.url, templates.main, templates.keystore);
      const stack = await testStack({
        env: { DATABASE_URL: urls.tenantUrl, DATABASE_SYSTEM_URL: urls.systemUrl, KEYSTORE_URL: urls.keystoreUrl },
      });
      try {
        const tenant = await stack.tenant();
        const socket = await openSocket(stack.url, tenant);
        const requests = Array.from({ length: 8 }, (_, at) => socket.ask(`c${at}`, scripted({ tokens: 100, tokens_per_second: 40 })));
        // Acknowledged, and then at once the end.
        await Promise.all(
          requests.map((id) => socket.until(`start of ${id}`, ({ type, requestId }) => type === 'start' && requestId === id)),
        );
        await socket.shows(requests[0] ?? '', 10);
        await postgres.restart();
        for (const request of requests) expect((await socket.answer(request)).text).toBe(counted(100));
        await untilReadiness(stack, 'database', 'ok', 6_000);
        for (const at of requests.keys()) {
          const stored = await readThrough(stack.url, tenant, `c${at}`);
          expect(stored.text).toBe(counted(100));
        }
      } finally {
        await stack.close();
      }
    } finally {
      await postgres.stop();
    }
  });
});

/** A handshake is complete before the credential is checked; then it is closed with 1013 in time. */
async function handshakeEnds(stack: TestStack, tenant: TestTenant): Promise<void> {
  const began = performance.now();
  // A visitor that this replica does not remember.
  const socket = await openSocket(stack.url, tenant, `unknown-${crypto.randomUUID()}`);
  expect(await socket.closed).toMatchObject({ code: 1013 });
  expect(performance.now() - began).toBeLessThan(answerWithinMs);
}
