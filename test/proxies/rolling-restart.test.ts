import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProxy } from '../../scripts/local/proxies.mjs';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';
import { type ChildReplica, childReplicas, scratchFolder } from './support/child-replicas.ts';
import { chatOverEvents, chatOverSocket, plainRequests } from './support/load.ts';
import { Tally } from './support/tally.ts';

const kinds = ['haproxy', 'nginx', 'apache'] as const;

describe('all replicas are restarted one after the other while people chat through three proxies', () => {
  let stack: TestStack;
  let tenant: TestTenant;
  let replicas: ChildReplica[];
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  const tallies = { haproxy: new Tally(), nginx: new Tally(), apache: new Tally() };

  beforeAll(async () => {
    stack = await testStack({
      env: { CHAT_MESSAGES_PER_MINUTE: '100000', AUTH_TICKETS_PER_KEY_PER_MINUTE: '100000', TRUST_PROXY: '127.0.0.1' },
    });
    tenant = await stack.tenant();
    scratch = await scratchFolder();
    replicas = await childReplicas(stack, 3, scratch.dir, { DRAIN_DELAY_MS: '2500', DRAIN_TIMEOUT_MS: '1000' });
    await restartAll();
  }, 150_000);
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.stop()));
    await stack.close();
    await scratch.remove();
  });

  async function restartAll(): Promise<void> {
    const proxies = await Promise.all(
      kinds.map((kind) => startProxy({ kind, dir: join(scratch.dir, kind), logFile: join(scratch.dir, `${kind}.log`), replicas })),
    );
    const end = new AbortController();
    const load = kinds.flatMap((kind, at) => {
      const target = { url: proxies[at]?.url ?? '', tenant, tally: tallies[kind], ended: end.signal };
      return [
        ...[0, 1, 2].map(() => chatOverSocket(target)),
        ...[0, 1].map(() => chatOverEvents(target)),
        ...[0, 1].map(() => plainRequests(target)),
      ];
    });
    try {
      for (const replica of replicas) {
        expect(await replica.drained()).toBe(0);
        await replica.start();
      }
    } finally {
      end.abort();
      await Promise.all(load);
      await Promise.all(proxies.map((proxy) => proxy.stop()));
    }
  }

  it.each(kinds)('P10: behind %s, a rolling restart of all replicas fails no request, and loses or repeats no chunk', (kind) => {
    const { failures, lost, repeated, replayed, requests, answers, chunks, resumed } = tallies[kind];
    process.stdout.write(
      `${kind}: ${JSON.stringify({ requests, answers, chunks, resumed, replayed, lost, repeated, failures: failures.length })}\n`,
    );
    expect({ failures, lost, repeated }).toEqual({ failures: [], lost: 0, repeated: 0 });
    // Of 1,000 tokens at least: the load was one, and restarts were felt.
    expect(requests).toBeGreaterThan(100);
    expect(answers).toBeGreaterThan(10);
    expect(chunks).toBeGreaterThan(500);
    expect(resumed).toBeGreaterThan(0);
  });
});
