import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { urlAs } from '../support/services.ts';
import { caller, type TestStack, type TestTenant, testStack } from '../support/stack.ts';

/* What a replica that is told to stop still does for those who are waiting. */

/** How long the slow request takes, in milliseconds. */
const slowMs = 1_000;

let stack: TestStack;
let tenant: TestTenant;

beforeAll(async () => {
  stack = await testStack();
  tenant = await stack.tenant();
});
afterAll(() => stack.close());

it('answers a request that it is at work on', async () => {
  const replica = await stack.replica({ DRAIN_DELAY_MS: '0', PARLEY_ROLE: 'api' });
  const lock = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.database) });
  await lock.connect();
  await lock.query('BEGIN; LOCK TABLE bots IN ACCESS EXCLUSIVE MODE');
  const arrived = once(replica.app.getHttpServer(), 'request');
  const answer = caller(replica.url)('GET', `/v1/bots/${tenant.botId}`, { token: tenant.apiKey }).catch((error: unknown) => ({
    status: String(error),
  }));
  await arrived;
  const begin = performance.now();
  const stopped = replica.stop();
  // The request is slow, and the replica must have nothing else that keeps it.
  await sleep(slowMs);
  await lock.end();
  expect((await answer).status).toBe(200);
  await stopped;
  expect(performance.now() - begin).toBeLessThan(slowMs + 8_000);
  await expect(fetch(`${replica.url}/livez`)).rejects.toThrow();
});

it('P10: serves everybody who waits to be accepted when it is told to stop', async () => {
  const replica = await stack.replica({ DRAIN_DELAY_MS: '0', PARLEY_ROLE: 'api' });
  // On loopback the kernel has taken these connections before the replica looks.
  const waiting = Array.from({ length: 20 }, () => {
    const socket = connect(Number(new URL(replica.url).port), '127.0.0.1');
    socket.write('GET /livez HTTP/1.1\r\nhost: parley\r\n\r\n');
    return text(socket).catch((error: unknown) => String(error));
  });
  await replica.stop();
  expect(await Promise.all(waiting)).toEqual(waiting.map(() => expect.stringMatching(/^HTTP\/1.1 200 .*connection: close\r\n/s)));
});
