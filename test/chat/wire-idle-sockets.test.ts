import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ChatSockets } from '../../src/modules/chat/gateway/chat-sockets.ts';
import { ChatClient } from '../support/chat-client.ts';
import { residentBytes } from '../support/memory.ts';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';
import { scripted } from '../support/witness.ts';

/* Ten thousand people who say nothing. */

const wanted = 10_000;
/** Handshakes under way at once. */
const atOnce = 100;
/** Sockets from one loopback address: fewer than an address has ports. */
const perAddress = 2_500;

let stack: TestStack;
let tenant: TestTenant;

beforeAll(async () => {
  stack = await testStack({ env: { CHAT_SOCKETS_PER_VISITOR: String(wanted + 1) } });
  tenant = await stack.tenant();
});
afterAll(() => stack.close());

/** How many sockets this process can hold at both of their ends, after asking for room for all of them. */
function roomFor(sockets: number): number {
  const pid = String(process.pid);
  const limitOf = () => Number(execFileSync('prlimit', ['--pid', pid, '--nofile', '--noheadings', '--output=SOFT'], { encoding: 'utf8' }));
  try {
    execFileSync('prlimit', ['--pid', pid, `--nofile=${2 * sockets + 2_000}:${2 * sockets + 2_000}`], { stdio: 'ignore' });
  } catch {
    // Without the right to raise it, the limit is what it is.
  }
  return Math.min(sockets, Math.floor((limitOf() - 1_000) / 2));
}

function open(at: number): Promise<WebSocket> {
  const { port } = new URL(stack.url);
  const ws = new WebSocket(`ws://127.0.0.1:${port}/v1/chat?bot_id=${tenant.botId}`, {
    headers: { authorization: `Bearer ${tenant.apiKey}` },
    localAddress: `127.0.0.${2 + Math.floor(at / perAddress)}`,
    perMessageDeflate: false,
  });
  return new Promise((resolve, reject) => {
    ws.once('open', () => resolve(ws));
    ws.once('error', reject);
  });
}

it('P9: ten thousand idle sockets stay open, and cost little each', async () => {
  const count = roomFor(wanted);
  expect(count).toBeGreaterThanOrEqual(5_000);
  const sockets = stack.app.get(ChatSockets);
  await Promise.all(Array.from({ length: atOnce }, (_, at) => open(at))).then((warm) => warm.map((ws) => ws.terminate()));
  const before = residentBytes();
  const all: WebSocket[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < count) all.push(await open((next += 1) - 1));
    }),
  );
  const client = new ChatClient(all.at(-1) as WebSocket);
  // Frames are handled after the admission: when the last one is answered, all are in.
  expect((await client.answer(client.ask('c', scripted({ tokens: 5 })))).text).toBe('t0 t1 t2 t3 t4');
  const perSocket = (residentBytes() - before) / count;
  expect(all.filter(({ readyState }) => readyState === WebSocket.OPEN)).toHaveLength(count);
  expect(sockets.size).toBeGreaterThanOrEqual(count);
  // Both ends: the server's share is the smaller one.
  expect(perSocket).toBeLessThan(60 * 1_024);
  for (const ws of all) ws.terminate();
});
