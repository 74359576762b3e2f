import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { counted, scripted, send } from '../support/event-stream.ts';
import { databaseUrls, makeTemplates, templates } from '../support/services.ts';
import { testStack } from '../support/stack.ts';
import {
  aliveWithinMs,
  expectFrameRefused,
  expectRefused,
  openSocket,
  readThrough,
  sendBody,
  until,
  untilReadiness,
  watchLife,
} from './support/outage.ts';

const program = fileURLToPath(new URL('support/postgres-on-small-disk.mjs', import.meta.url));
let folder: string;
let child: ChildProcess;
let said: Interface;
let url: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-small-disk-'));
  child = spawn('unshare', ['--user', '--map-root-user', '--mount', '--', process.execPath, program, join(folder, 'disk')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  said = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [line] = (await once(said, 'line')) as [string];
  ({ url } = JSON.parse(line) as { url: string });
  await makeTemplates(url);
}, 60_000);

afterAll(async () => {
  child.stdin?.end();
  if (child.exitCode === null) await once(child, 'exit');
  await rm(folder, { recursive: true, force: true });
});

async function tell(word: 'fill' | 'free'): Promise<void> {
  child.stdin?.write(`${word}\n`);
  await once(said, 'line');
}

describe('P1: a Postgres whose disk is full', () => {
  it(
    'loses no acknowledged message: sends are refused clearly, answers wait for room, and everything heals',
    { timeout: 90_000 },
    async () => {
      const urls = databaseUrls(url, templates.main, templates.keystore);
      const stack = await testStack({
        env: { DATABASE_URL: urls.tenantUrl, DATABASE_SYSTEM_URL: urls.systemUrl, KEYSTORE_URL: urls.keystoreUrl },
      });
      try {
        const tenant = await stack.tenant();
        const socket = await openSocket(stack.url, tenant);
        // Longer than any free place in the pages of the table.
        const running = socket.ask('running', scripted({ tokens: 1_000, tokens_per_second: 400 }));
        await socket.shows(running, 20);
        await tell('fill');
        const life = watchLife(stack);
        // As long as there is a free place in a page, a message may still fit.
        await until('a refusal', 20_000, async () => {
          const body = sendBody(tenant, crypto.getRandomValues(Buffer.alloc(20_000)).toString('hex'));
          return (await stack.request('POST', '/v1/chat', { token: tenant.apiKey, body })).status === 503;
        });
        await untilReadiness(stack, 'database', 'disk full', 2_000);
        const large = crypto.getRandomValues(Buffer.alloc(30_000)).toString('hex');
        await expectRefused(stack, '/v1/chat', { token: tenant.apiKey, body: sendBody(tenant, large) });
        await expectFrameRefused(socket.problem(socket.ask('refused', large)));
        // What is there can be read.
        expect((await stack.request('GET', '/v1/conversations', { token: tenant.accessToken })).status).toBe(200);
        expect(await life()).toBeLessThan(aliveWithinMs);
        await tell('free');
        expect((await socket.answer(running)).text).toBe(counted(1_000));
        expect((await readThrough(stack.url, tenant, 'running')).text).toBe(counted(1_000));
        expect((await (await send(stack.url, tenant, { conversation: 'after', text: scripted({ tokens: 5 }) })).finished()).text).toBe(
          counted(5),
        );
        await untilReadiness(stack, 'database', 'ok', 15_000);
      } finally {
        await stack.close();
      }
    },
  );
});
