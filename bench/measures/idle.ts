import { setTimeout as sleep } from 'node:timers/promises';
import type { Memory } from '../probe.ts';
import type { StartedTarget } from '../stack.ts';
import { cpuOf } from '../usage.ts';
import { type Bench, interleave, type Rounds } from './bench.ts';

/** One round. */
export interface IdleRound {
  /** Resident memory for each open socket, in bytes, after a garbage collection. */
  rss: number;
  /** The part of it on the JavaScript heap. */
  heap: number;
  /** The same before that collection: with what the handshakes left behind. */
  rssUncollected: number;
  /** Handshakes a second. */
  handshakes: number;
  /** CPU time of the process while nothing is sent, in milliseconds a second. */
  cpu: number;
}

/** Measures what an open socket costs that does nothing. Each round has a process of its own: memory that was used once is not given back. */
export function measureIdle(bench: Bench): Promise<Rounds<IdleRound>> {
  return interleave(bench, 'idle', async ({ name }) => {
    const target = await (name === 'parley' ? bench.stack.startParley() : bench.stack.startRelay());
    try {
      return await idleRound(bench, target);
    } finally {
      await target.stop();
    }
  });
}

async function idleRound({ load, workload }: Bench, target: StartedTarget): Promise<IdleRound> {
  const { sockets, warmSockets, settleMs, addresses, concurrency } = workload.idle;
  await load.open(target, { count: warmSockets, addresses, concurrency });
  await load.close();
  await sleep(settleMs / 3);
  await target.ask({ ask: 'collect' });
  const { lost } = await load.look();
  const empty = await target.ask<Memory>({ ask: 'memory' });
  const began = performance.now();
  await load.open(target, { count: sockets, addresses, concurrency });
  const handshakes = (sockets / (performance.now() - began)) * 1_000;
  await sleep(settleMs / 3);
  const cpuBefore = cpuOf(target.pid);
  const idleFrom = performance.now();
  await sleep(settleMs);
  const cpu = (cpuOf(target.pid) - cpuBefore) / (performance.now() - idleFrom);
  const uncollected = await target.ask<Memory>({ ask: 'memory' });
  await target.ask({ ask: 'collect' });
  const full = await target.ask<Memory>({ ask: 'memory' });
  const lostNow = (await load.look()).lost - lost;
  if (lostNow > 0) throw new Error(`${target.name} closed ${lostNow} of ${sockets} idle sockets`);
  await load.close();
  return {
    rss: (full.rss - empty.rss) / sockets,
    heap: (full.heapUsed - empty.heapUsed) / sockets,
    rssUncollected: (uncollected.rss - empty.rss) / sockets,
    handshakes,
    cpu,
  };
}
