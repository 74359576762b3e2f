import { setTimeout as sleep } from 'node:timers/promises';
import { now } from '../load/client-socket.ts';
import type { Memory } from '../probe.ts';
import { cpuBetween, type CpuTimes, type StartedTarget } from '../stack.ts';
import { quantile } from '../statistics.ts';
import { cpuOf } from '../usage.ts';
import { type Bench, interleave, type Rounds, verify } from './bench.ts';
import { timesOf } from './first-token.ts';

/** One round. */
export interface UsersRound {
  /** Resident memory for each socket that is open and has asked nothing yet, in bytes, after a garbage collection. */
  rss: number;
  /** The same when all have asked. */
  rssAfter: number;
  handshakes: number;
  answers: number;
  /** While they ask. */
  sendsPerSecond: number;
  tokensPerSecond: number;
  /** Time to the first token over the model's own, in milliseconds. */
  p50: number;
  p99: number;
  /** Time to the end over the model's own (its time from the request to the last token), 99 of 100, in milliseconds. */
  endP99: number;
  /** Cores in use: CPU seconds a second. */
  cores: CpuTimes & { load: number };
  serverLoop: number;
  loadLoop: number;
}

/** Measures many users with open sockets who each ask now and then. Each round has a process of its own. */
export function measureUsers(bench: Bench): Promise<Rounds<UsersRound>> {
  const round = async ({ name }: StartedTarget, tag: string): Promise<UsersRound> => {
    const target = await (name === 'parley' ? bench.stack.startParley() : bench.stack.startRelay());
    try {
      return await usersRound(bench, target, tag);
    } finally {
      await target.stop();
    }
  };
  return interleave(bench, 'users', round, undefined, bench.workload.users.rounds);
}

async function usersRound(bench: Bench, target: StartedTarget, tag: string): Promise<UsersRound> {
  const { load, stack, workload } = bench;
  const { sockets, everyMs, measuredMs, tokensPerAnswer, tokensPerSecond, firstTokenMs } = workload.users;
  const { addresses, concurrency, warmSockets, settleMs } = workload.idle;
  await load.open(target, { count: warmSockets, addresses, concurrency });
  await load.close();
  await sleep(settleMs / 3);
  await target.ask({ ask: 'collect' });
  const empty = await target.ask<Memory>({ ask: 'memory' });
  const opening = performance.now();
  await load.open(target, { count: sockets, addresses, concurrency });
  const handshakes = (sockets / (performance.now() - opening)) * 1_000;
  await sleep(settleMs);
  await target.ask({ ask: 'collect' });
  const open = await target.ask<Memory>({ ask: 'memory' });

  const lostBefore = (await load.look()).lost;
  await target.ask({ ask: 'loop' });
  const first = await load.look();
  const [cpuBefore, loadBefore, from] = [stack.cpu(target), cpuOfAll(load.pids), now()];
  const answerMs = firstTokenMs + (tokensPerAnswer / tokensPerSecond) * 1_000;
  const driving = load.drive({
    tag,
    script: { tokens: tokensPerAnswer, tokens_per_second: tokensPerSecond, first_token_ms: firstTokenMs },
    spreadMs: everyMs,
    pauseMs: 0,
    everyMs,
    forMs: measuredMs,
    turnsPerConversation: 10,
    answerLimitMs: answerMs * 3 + 20_000,
  });
  driving.catch(() => undefined);
  // What is looked at ends before the answers do: those that begin and those that end then balance.
  await sleep(measuredMs);
  const seconds = (now() - from) / 1_000;
  const cpu = cpuBetween(cpuBefore, stack.cpu(target));
  const loadCpu = cpuOfAll(load.pids) - loadBefore;
  const last = await load.look();
  const serverLoop = await target.ask<number>({ ask: 'loop' });
  const answers = await driving;
  const lost = (await load.look()).lost - lostBefore;
  await sleep(settleMs);
  await target.ask({ ask: 'collect' });
  const after = await target.ask<Memory>({ ask: 'memory' });
  await load.close();
  const { entries } = await verify(bench, target, answers, () => tokensPerAnswer);
  if (lost > 0) throw new Error(`${target.name} closed ${lost} of ${sockets} sockets`);

  const over = answers.map((answer) => {
    const { before, after: behind } = timesOf(answer, entries.get(answer.marker));
    return before + behind;
  });
  const cores = (microseconds: number) => microseconds / 1e6 / seconds;
  return {
    rss: (open.rss - empty.rss) / sockets,
    rssAfter: (after.rss - empty.rss) / sockets,
    handshakes,
    answers: answers.length,
    sendsPerSecond: answers.length / seconds,
    tokensPerSecond: (last.tokens - first.tokens) / seconds,
    p50: quantile(over, 0.5),
    p99: quantile(over, 0.99),
    endP99: quantile(
      answers.map(({ sentAt, endedAt }) => endedAt - sentAt - answerMs),
      0.99,
    ),
    cores: {
      server: cores(cpu.server),
      redis: cores(cpu.redis),
      postgres: cores(cpu.postgres),
      model: cores(cpu.model),
      load: cores(loadCpu),
    },
    serverLoop,
    loadLoop: last.loop,
  };
}

function cpuOfAll(pids: number[]): number {
  return pids.reduce((sum, pid) => sum + cpuOf(pid), 0);
}
