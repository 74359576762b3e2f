import { setTimeout as sleep } from 'node:timers/promises';
import { now } from '../load/received.ts';
import { cpuBetween, type CpuTimes, type StartedTarget } from '../stack.ts';
import { quantile } from '../statistics.ts';
import { type Bench, interleave, type Rounds, verify } from './bench.ts';

/** One round. */
export interface SendsRound {
  /** Answered messages a second. */
  perSecond: number;
  /** CPU time for each, in microseconds. */
  cpu: CpuTimes;
  /** From the message to the end of its answer, in milliseconds. */
  p50: number;
  p99: number;
  serverLoop: number;
  loadLoop: number;
}

/** Measures how many short questions a second are answered when every connection asks again as soon as it has its answer. */
export function measureSends(bench: Bench): Promise<Rounds<SendsRound>> {
  const round = (target: StartedTarget, tag: string) => sendsRound(bench, target, tag);
  return interleave(bench, 'sends', round, round);
}

/** One round of the closed loop. `during` takes up the measured time. */
export async function sendsRound(
  bench: Bench,
  target: StartedTarget,
  tag: string,
  during: (measuredMs: number) => Promise<unknown> = sleep,
): Promise<SendsRound> {
  const { stack, load } = bench;
  const { connections, tokensPerAnswer, warmMs, measuredMs, turnsPerConversation } = bench.workload.sends;
  await load.open(target, { count: connections });
  const driving = load.drive({
    tag,
    script: { tokens: tokensPerAnswer, tokens_per_second: 0, first_token_ms: 0 },
    spreadMs: 0,
    pauseMs: 0,
    forMs: warmMs + measuredMs,
    turnsPerConversation,
    answerLimitMs: 20_000,
  });
  driving.catch(() => undefined);
  await sleep(warmMs);
  await target.ask({ ask: 'loop' });
  await load.look();
  const from = now();
  const before = stack.cpu(target);
  await during(measuredMs - 200);
  const until = now();
  const cpu = cpuBetween(before, stack.cpu(target));
  const serverLoop = await target.ask<number>({ ask: 'loop' });
  const { loop: loadLoop } = await load.look();
  const answers = await driving;
  await sleep(200);
  await load.close();
  await verify(bench, target, answers, () => tokensPerAnswer);
  const counted = answers.filter((answer) => answer.endedAt >= from && answer.endedAt < until);
  const took = counted.map((answer) => answer.endedAt - answer.sentAt);
  const each = (value: number) => value / counted.length;
  return {
    perSecond: counted.length / ((until - from) / 1_000),
    cpu: { server: each(cpu.server), redis: each(cpu.redis), postgres: each(cpu.postgres), model: each(cpu.model) },
    p50: quantile(took, 0.5),
    p99: quantile(took, 0.99),
    serverLoop,
    loadLoop,
  };
}
