import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../scripts/local/processes.mjs';
import { cpuBetween, type CpuTimes, type StartedTarget } from '../stack.ts';
import { type Bench, interleave, type Rounds, verify } from './bench.ts';

/** CPU time for each token that was relayed, in microseconds. */
export type PerToken = CpuTimes;

/** One round. */
export interface TokensRound {
  /** While all streams run: no answer begins or ends. */
  steady: PerToken;
  /** From the first message to the last end: with what every answer costs besides its tokens. */
  whole: PerToken;
  tokensPerSecond: number;
  /** How busy the event loops were in the steady window, 0 to 1. */
  serverLoop: number;
  loadLoop: number;
}

/** How long after an answer's end its work goes on (writing, sealing), in milliseconds. */
const afterworkMs = 300;
/** Kept clear of the beginnings and ends of answers, in milliseconds. */
const marginMs = 200;
/** A shorter window says nothing, in milliseconds. */
const leastSteadyMs = 300;

/** Measures the CPU time for each relayed token at the set number of streams. */
export async function measureTokens(bench: Bench): Promise<Rounds<TokensRound>> {
  const round = (target: StartedTarget, tag: string) => tokensRound(bench, target, tag);
  return interleave(bench, 'tokens', round, round);
}

/** One round of the streams. `during` takes up the steady window. */
export async function tokensRound(
  bench: Bench,
  target: StartedTarget,
  tag: string,
  during: (steadyMs: number) => Promise<unknown> = sleep,
): Promise<TokensRound> {
  const { stack, load } = bench;
  const { streams, tokensPerAnswer, tokensPerSecond, firstTokenMs, spreadMs } = bench.workload.tokens;
  await load.open(target, { count: streams });
  const answerMs = firstTokenMs + (tokensPerAnswer / tokensPerSecond) * 1_000;
  const { begun } = await load.look();
  const before = stack.cpu(target);
  const sentAt = performance.now();
  const driving = load.drive({
    tag,
    script: { tokens: tokensPerAnswer, tokens_per_second: tokensPerSecond, first_token_ms: firstTokenMs },
    spreadMs,
    pauseMs: 0,
    forMs: 0,
    turnsPerConversation: 1,
    answerLimitMs: answerMs * 3 + 10_000,
  });
  driving.catch(() => undefined);
  await waitUntil(async () => (await load.look()).begun - begun >= streams, { everyMs: 50, limitMs: answerMs });
  await sleep(marginMs);
  const steadyMs = sentAt + answerMs - marginMs - performance.now();
  if (steadyMs < leastSteadyMs)
    throw new Error(`${target.name}: the streams began so slowly that they never all ran; is the machine busy?`);
  const first = await load.look();
  await target.ask({ ask: 'loop' });
  const steadyBegin = stack.cpu(target);
  const began = performance.now();
  await during(steadyMs);
  const steadyCpu = cpuBetween(steadyBegin, stack.cpu(target));
  const seconds = (performance.now() - began) / 1_000;
  const last = await load.look();
  const serverLoop = await target.ask<number>({ ask: 'loop' });
  const answers = await driving;
  await sleep(afterworkMs);
  const wholeCpu = cpuBetween(before, stack.cpu(target));
  await load.close();
  const { tokens } = await verify(bench, target, answers, () => tokensPerAnswer);
  const steadyTokens = last.tokens - first.tokens;
  return {
    steady: perToken(steadyCpu, steadyTokens),
    whole: perToken(wholeCpu, tokens),
    tokensPerSecond: steadyTokens / seconds,
    serverLoop,
    loadLoop: last.loop,
  };
}

function perToken(cpu: CpuTimes, tokens: number): PerToken {
  return { server: cpu.server / tokens, redis: cpu.redis / tokens, postgres: cpu.postgres / tokens, model: cpu.model / tokens };
}
