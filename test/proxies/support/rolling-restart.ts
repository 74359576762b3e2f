import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startProxy } from '../../../scripts/local/proxies.mjs';
import { type TestStack, type TestTenant, testStack } from '../../support/stack.ts';
import { type ChildReplica, childReplicas, scratchFolder } from './child-replicas.ts';
import { chatOverEvents, chatOverSocket, type LoadTarget, plainRequests } from './load.ts';
import { Tally } from './tally.ts';

/** Tests that all replicas can be restarted one after the other while people chat, and that nobody notices more than a pause. */
export function testRollingRestart(kind: 'haproxy' | 'nginx' | 'apache'): void {
  let stack: TestStack;
  let tenant: TestTenant;
  let replicas: ChildReplica[];
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;

  beforeAll(async () => {
    stack = await testStack({
      env: { CHAT_MESSAGES_PER_MINUTE: '100000', AUTH_TICKETS_PER_KEY_PER_MINUTE: '100000', TRUST_PROXY: '127.0.0.1' },
    });
    tenant = await stack.tenant();
    scratch = await scratchFolder();
    replicas = await childReplicas(stack, 3, scratch.dir, { DRAIN_DELAY_MS: '2500', DRAIN_TIMEOUT_MS: '1000' });
  });
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.stop()));
    await stack.close();
    await scratch.remove();
  });

  it(
    `P10: behind ${kind}, a rolling restart of all replicas fails no request, and loses or repeats no chunk`,
    { timeout: 120_000 },
    async () => {
      const proxy = await startProxy({ kind, dir: join(scratch.dir, kind), logFile: join(scratch.dir, `${kind}.log`), replicas });
      const [tally, end] = [new Tally(), new AbortController()];
      const target: LoadTarget = { url: proxy.url, tenant, tally, ended: end.signal };
      const load = [
        ...Array.from({ length: 6 }, () => chatOverSocket(target)),
        ...Array.from({ length: 4 }, () => chatOverEvents(target)),
        ...Array.from({ length: 4 }, () => plainRequests(target)),
      ];
      try {
        for (const replica of replicas) {
          expect(await replica.drained()).toBe(0);
          await replica.start();
        }
      } finally {
        end.abort();
        await Promise.all(load);
        await proxy.stop();
      }
      const { failures, lost, repeated, replayed, requests, answers, chunks, resumed } = tally;
      process.stdout.write(
        `${kind}: ${JSON.stringify({ requests, answers, chunks, resumed, replayed, lost, repeated, failures: failures.length })}\n`,
      );
      expect({ failures, lost, repeated }).toEqual({ failures: [], lost: 0, repeated: 0 });
      // Of 1,000 tokens at least: the load was one, and restarts were felt.
      expect(requests).toBeGreaterThan(100);
      expect(answers).toBeGreaterThan(10);
      expect(chunks).toBeGreaterThan(500);
      expect(resumed).toBeGreaterThan(2);
    },
  );
}
