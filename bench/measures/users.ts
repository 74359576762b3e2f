import { setTimeout as sleep } from 'node:timers/promises';
import { now } from '../load/received.ts';
import type { Memory } from '../probe.ts';
import { cpuBetween, type CpuTimes, type StartedTarget } from '../stack.ts';
import { quantile } from '../statistics.ts';
import { cpuOf } from '../usage.ts';
import { type Bench, interleave, type Rounds, verify } from './bench.ts';
import { timesOf } from './first-token.ts';

/** One round. */
export interface UsersRound {
  /** Resident memory of all replicas for each socket that is open and has asked nothing yet, in bytes, after a garbage collection. */
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
  /** How busy the busiest replica's event loop was, 0 to 1. */
  serverLoop: number;
  loadLoop: number;
}

/** Measures many users with open sockets, shared out between equal replicas, who each ask now and then. Each round has processes of its own. */
export function measureUsers(bench: Bench): Promise<Rounds<UsersRound>> {
  const round = async ({ name }: StartedTarget, tag: string): Promise<UsersRound> => {
    const start = () => (name === 'parley' ? bench.stack.startParley() : bench.stack.startRelay());
    const targets: [StartedTarget, ...StartedTarget[]] = [await start()];
    try {
      while (targets.length < bench.workload.users.replicas) targets.push(await start());
      return await usersRound(bench, targets, tag);
    } finally {
      await Promise.all(targets.map((target) => target.stop()));
    }
  };
  return interleave(bench, 'users', round, undefined, bench.workload.users.rounds);
}

async function usersRound(bench: Bench, targets: [StartedTarget, ...StartedTarget[]], tag: string): Promise<UsersRound> {
  const { load, workload } = bench;
  const { sockets, everyMs, warmMs, measuredMs, tokensPerAnswer, tokensPerSecond, firstTokenMs } = workload.users;
  const { addresses, concurrency, warmSockets, settleMs } = workload.idle;
  // Twice as many for each process as elsewhere: what it grows to while sockets come and go is no part of a socket.
  await load.open(targets, { count: warmSockets * 2 * targets.length, addresses, concurrency });
  await load.close();
  await sleep(settleMs / 3);
  const empty = await memoryOf(targets);
  const opening = performance.now();
  await load.open(targets, { count: sockets, addresses, concurrency });
  const handshakes = (sockets / (performance.now() - opening)) * 1_000;
  await sleep(settleMs);
  const open = await memoryOf(targets);

  const lostBefore = (await load.look()).lost;
  const answerMs = firstTokenMs + (tokensPerAnswer / tokensPerSecond) * 1_000;
  const driving = load.drive({
    tag,
    script: { tokens: tokensPerAnswer, tokens_per_second: tokensPerSecond, first_token_ms: firstTokenMs },
    spreadMs: everyMs,
    pauseMs: 0,
    everyMs,
    forMs: warmMs + measuredMs,
    turnsPerConversation: 10,
    answerLimitMs: answerMs * 3 + 20_000,
  });
  driving.catch(() => undefined);
  await sleep(warmMs);
  await busiestLoop(targets);
  const first = await load.look();
  const [cpuBefore, loadBefore, from] = [cpuOfTargets(bench, targets), cpuOfAll(load.pids), now()];
  // What is looked at ends before the answers do: those that begin and those that end then balance.
  await sleep(measuredMs);
  const seconds = (now() - from) / 1_000;
  const cpu = cpuBetween(cpuBefore, cpuOfTargets(bench, targets));
  const loadCpu = cpuOfAll(load.pids) - loadBefore;
  const last = await load.look();
  const serverLoop = await busiestLoop(targets);
  const answers = await driving;
  const lost = (await load.look()).lost - lostBefore;
  await sleep(settleMs);
  const after = await memoryOf(targets);
  await load.close();
  const { entries } = await verify(bench, targets[0], answers, () => tokensPerAnswer);
  if (lost > 0) throw new Error(`${targets[0].name} closed ${lost} of ${sockets} sockets`);

  // The first answers of a server that has just begun are checked like all others, and not counted.
  const counted = answers.filter((answer) => answer.sentAt >= from);
  const over = counted.map((answer) => {
    const { before, after: behind } = timesOf(answer, entries.get(answer.marker));
    return before + behind;
  });
  const cores = (microseconds: number) => microseconds / 1e6 / seconds;
  return {
    rss: (open - empty) / sockets,
    rssAfter: (after - empty) / sockets,
    handshakes,
    answers: counted.length,
    sendsPerSecond: counted.length / seconds,
    tokensPerSecond: (last.tokens - first.tokens) / seconds,
    p50: quantile(over, 0.5),
    p99: quantile(over, 0.99),
    endP99: quantile(
      counted.map(({ sentAt, endedAt }) => endedAt - sentAt - answerMs),
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

/** Resident memory of all, in bytes, after a garbage collection. */
async function memoryOf(targets: StartedTarget[]): Promise<number> {
  await Promise.all(targets.map((target) => target.ask({ ask: 'collect' })));
  const all = await Promise.all(targets.map((target) => target.ask<Memory>({ ask: 'memory' })));
  return all.reduce((sum, { rss }) => sum + rss, 0);
}

async function busiestLoop(targets: StartedTarget[]): Promise<number> {
  return Math.max(...(await Promise.all(targets.map((target) => target.ask<number>({ ask: 'loop' })))));
}

/** CPU time of all replicas, and once of what stands behind them. */
function cpuOfTargets({ stack }: Bench, targets: [StartedTarget, ...StartedTarget[]]): CpuTimes {
  return { ...stack.cpu(targets[0]), server: cpuOfAll(targets.map(({ pid }) => pid)) };
}

function cpuOfAll(pids: number[]): number {
  return pids.reduce((sum, pid) => sum + cpuOf(pid), 0);
}
