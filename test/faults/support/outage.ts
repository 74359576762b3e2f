import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Chunk } from '../../../src/modules/chat/stream/chunks.ts';
import { type Closed, openChat } from '../../support/chat-client.ts';
import { resume, shownText } from '../../support/event-stream.ts';
import { problemFaults } from '../../support/problem-check.ts';
import { type TestStack, testStack, type TestTenant } from '../../support/stack.ts';
import { FaultProxy } from './fault-proxy.ts';
import { OwnRedis } from './owned-services.ts';

/** Longest time that anybody may wait for an answer while something is away, in milliseconds, on a busy machine. */
export const answerWithinMs = 7_000;

/** Longest time that `/livez` may take while something is away, in milliseconds: what waits for the dependency takes five seconds. */
export const aliveWithinMs = 3_000;

/** What no answer may show of a fault. */
const faultText = /127\.0\.0\.1|localhost:\d|ECONN|ETIMEDOUT|redis|postgres|socket|stream|timeout exceeded|SELECT|INSERT|password|disk/i;

/** A server with a Redis of its own behind a fault proxy. */
export interface RedisStack {
  stack: TestStack;
  tenant: TestTenant;
  redis: OwnRedis;
  proxy: FaultProxy;
}

/** Runs `work` on a server with a Redis of its own, and ends both. */
export async function withRedis(env: Record<string, string>, work: (on: RedisStack) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-redis-faults-'));
  const redis = await OwnRedis.start(folder);
  const proxy = await FaultProxy.start({ host: '127.0.0.1', port: redis.port });
  try {
    const stack = await testStack({ env: { ...env, REDIS_URL: through(redis.url, proxy) } });
    try {
      await work({ stack, tenant: await stack.tenant(), redis, proxy });
    } finally {
      proxy.heal();
      await stack.close();
    }
  } finally {
    await proxy.close();
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same URL through a proxy. */
export function through(url: string, proxy: FaultProxy): string {
  const parts = new URL(url);
  parts.port = String(proxy.port);
  return parts.href;
}

/** Waits until `look` gives something; gives it with how long that took in milliseconds. */
export async function until<T>(what: string, limitMs: number, look: () => Promise<T | undefined | false> | T | undefined | false) {
  const began = performance.now();
  for (;;) {
    const found = await look();
    const tookMs = performance.now() - began;
    if (found !== undefined && found !== false) return { found, tookMs };
    if (tookMs > limitMs) throw new Error(`no ${what} within ${limitMs} ms`);
    await sleep(25);
  }
}

/** Waits until `/readyz` says so of one dependency, and is 200 only when that is `ok`. */
export async function untilReadiness(stack: TestStack, dependency: 'database' | 'keystore' | 'redis', says: string, limitMs: number) {
  await until(`${dependency}: ${says}`, limitMs, async () => {
    const answer = await stack.request('GET', '/readyz');
    if (answer.body.checks[dependency] !== 'ok') expect(answer.status).toBe(503);
    return answer.body.checks[dependency] === says && (says !== 'ok' || answer.status === 200);
  });
}

/** Asks `/livez` again and again until it is told to stop; gives the slowest answer in milliseconds. */
export function watchLife(stack: TestStack): () => Promise<number> {
  const stopping = new AbortController();
  const watching = (async () => {
    let slowest = 0;
    while (!stopping.signal.aborted) {
      const began = performance.now();
      expect((await stack.request('GET', '/livez')).status).toBe(200);
      slowest = Math.max(slowest, performance.now() - began);
      await sleep(100);
    }
    return slowest;
  })();
  watching.catch(() => undefined);
  return () => {
    stopping.abort();
    return watching;
  };
}

/** A call that must be refused clearly and in time: 503 as problem+json with `retry-after`, and nothing of the fault. */
export async function expectRefused(stack: TestStack, path: string, options: { token?: string; body?: unknown }, method = 'POST') {
  const began = performance.now();
  const answer = await stack.request(method, path, options);
  const tookMs = performance.now() - began;
  expect(answer.status).toBe(503);
  const { headers, body } = answer;
  expect(problemFaults({ status: 503, contentType: headers.get('content-type'), requestId: headers.get('x-request-id'), body })).toEqual(
    [],
  );
  expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(JSON.stringify({ ...body, instance: '' })).not.toMatch(faultText);
  expect(tookMs).toBeLessThan(answerWithinMs);
}

/** A frame that must be refused in time with an `error` frame that says when to try again. */
export async function expectFrameRefused(asked: Promise<any>): Promise<void> {
  const began = performance.now();
  const problem = await asked;
  expect(problem).toMatchObject({ status: 503, code: 'unavailable' });
  expect(problem.retry_after).toBeGreaterThanOrEqual(1);
  expect(JSON.stringify({ ...problem, instance: '' })).not.toMatch(faultText);
  expect(performance.now() - began).toBeLessThan(answerWithinMs);
}

/** The body of a send over HTTP. */
export function sendBody(tenant: TestTenant, text = 'Hello') {
  const messages = [{ id: crypto.randomUUID(), role: 'user', parts: [{ type: 'text', text }] }];
  return { id: crypto.randomUUID(), bot_id: tenant.botId, messages };
}

/** Opens a socket by the tenant's key. */
export function openSocket(url: string, tenant: TestTenant, visitor?: string) {
  const query = `bot_id=${tenant.botId}${visitor === undefined ? '' : `&visitor_id=${visitor}`}`;
  return openChat(`${url.replace('http', 'ws')}/v1/chat?${query}`, { credential: tenant.apiKey });
}

/** What a reader saw of an answer, over all the times it was cut. */
export interface WholeAnswer {
  text: string;
  chunks: Chunk[];
  epochs: number[];
  cuts: number;
}

/**
 * Reads a conversation's newest answer to its end as a client over HTTP does: resumes after its cursor whenever it is cut, and
 * tries again when it is refused for the moment. Each chunk must follow the one before, or begin anew from 0.
 */
export async function readThrough(url: string, tenant: TestTenant, conversation: string, limitMs = 40_000): Promise<WholeAnswer> {
  let chunks: Chunk[] = [];
  let cursor: string | undefined;
  const epochs: number[] = [];
  const end = performance.now() + limitMs;
  for (let cuts = 0; performance.now() < end; cuts += 1) {
    try {
      const answer = await resume(url, tenant, conversation, cursor);
      if (answer === undefined) throw new Error('there is nothing to resume');
      for await (const event of answer) {
        const epoch = Number(event.cursor.split(':')[1]);
        if (epochs.at(-1) !== epoch) {
          expect(event.sequence).toBe(0);
          epochs.push(epoch);
        }
        if (event.sequence === 0) chunks = [];
        expect(event.sequence).toBe(chunks.length);
        chunks.push(event.chunk);
        ({ cursor } = event);
      }
      if (answer.done) return { text: shownText(chunks), chunks, epochs, cuts };
      throw new Error('a clean end without [DONE]');
    } catch (error) {
      const { status, name, message } = error as { status?: number; name: string; message: string };
      // A cut shows as a TypeError of fetch; a refusal says that it is for now.
      if (name === 'AssertionError' || (status !== 503 && !/terminated|fetch failed/.test(message))) throw error;
      await sleep(200);
    }
  }
  throw new Error(`the answer did not end within ${limitMs} ms`);
}

/** The same over a WebSocket: gives the text and how each socket before the last was closed. */
export async function readOverSocket(url: string, tenant: TestTenant, conversation: string, limitMs = 40_000) {
  const closings: Closed[] = [];
  for (const end = performance.now() + limitMs; performance.now() < end;) {
    const socket = await openSocket(url, tenant);
    const requestId = socket.resume(conversation);
    try {
      const last = await Promise.race([socket.ended(requestId), socket.closed.then((closed) => ({ ...closed, type: 'closed' }))]);
      if (last.type === 'end') return { text: socket.read(requestId).text, closings };
      if ('code' in last) closings.push(last);
    } catch {
      closings.push(await socket.closed);
    } finally {
      socket.ws.terminate();
    }
    await sleep(200);
  }
  throw new Error(`the answer did not end within ${limitMs} ms`);
}
