import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from '../load/messages.ts';
import type { StartedTarget } from '../stack.ts';
import { quantile } from '../statistics.ts';
import type { WitnessEntry } from '../witness.ts';
import { type Bench, interleave, type Rounds, verify } from './bench.ts';

/** One round: time to the first token over the model's own, in milliseconds. */
export interface FirstTokenRound {
  samples: number;
  p50: number;
  p99: number;
  /** Medians of its two halves: from the message to the model, and from the model's first token to the reader. */
  beforeModel: number;
  afterModel: number;
  /** How busy the target's event loop was, 0 to 1. */
  serverLoop: number;
}

/** Time to first token with nothing else going on. */
export function measureFirstTokenLight(bench: Bench): Promise<Rounds<FirstTokenRound>> {
  const round = (target: StartedTarget, tag: string) => firstTokenRound(bench, target, tag, bench.workload.ttft.lightMs);
  return interleave(bench, 'ttft-light', round, round);
}

/** Time to first token beside the streams of the token measure. */
export function measureFirstTokenUnderLoad(bench: Bench): Promise<Rounds<FirstTokenRound>> {
  return interleave(bench, 'ttft-load', (target, tag) => besideStreams(bench, target, tag));
}

async function besideStreams(bench: Bench, target: StartedTarget, tag: string): Promise<FirstTokenRound> {
  const { load, workload } = bench;
  const { streams, tokensPerSecond, firstTokenMs, spreadMs } = workload.tokens;
  const lastsMs = spreadMs + workload.ttft.loadMs + 500;
  const tokens = Math.ceil((lastsMs / 1_000) * tokensPerSecond);
  await load.open(target, { count: streams });
  const driving = load.drive({
    tag: `${tag}-streams`,
    script: { tokens, tokens_per_second: tokensPerSecond, first_token_ms: firstTokenMs },
    spreadMs,
    pauseMs: 0,
    forMs: 0,
    turnsPerConversation: 1,
    answerLimitMs: lastsMs * 3 + 10_000,
  });
  driving.catch(() => undefined);
  await sleep(spreadMs + firstTokenMs);
  const round = await firstTokenRound(bench, target, tag, workload.ttft.loadMs, { answers: driving, tokens });
  await load.close();
  return round;
}

/** Streams beside the probes. */
interface Streams {
  answers: Promise<Answer[]>;
  tokens: number;
}

/** One round of the probes, alone or beside streams that are checked with them. */
export async function firstTokenRound(
  bench: Bench,
  target: StartedTarget,
  tag: string,
  forMs: number,
  streams?: Streams,
): Promise<FirstTokenRound> {
  const { probes } = bench;
  const { probes: count, pauseMs, tokensPerAnswer, firstTokenMs } = bench.workload.ttft;
  await probes.open(target, { count });
  await target.ask({ ask: 'loop' });
  const probed = await probes.drive({
    tag: `${tag}-probe`,
    script: { tokens: tokensPerAnswer, tokens_per_second: 0, first_token_ms: firstTokenMs },
    spreadMs: pauseMs,
    pauseMs: pauseMs * 2,
    forMs,
    turnsPerConversation: 4,
    answerLimitMs: 20_000,
  });
  const serverLoop = await target.ask<number>({ ask: 'loop' });
  await probes.close();
  const all = [...probed, ...((await streams?.answers) ?? [])];
  const { entries } = await verify(bench, target, all, (marker) =>
    marker.includes('-streams-') ? (streams?.tokens ?? 0) : tokensPerAnswer,
  );
  const times = probed.map((answer) => timesOf(answer, entries.get(answer.marker)));
  const over = times.map(({ before, after }) => before + after);
  return {
    samples: over.length,
    p50: quantile(over, 0.5),
    p99: quantile(over, 0.99),
    beforeModel: quantile(
      times.map(({ before }) => before),
      0.5,
    ),
    afterModel: quantile(
      times.map(({ after }) => after),
      0.5,
    ),
    serverLoop,
  };
}

/**
 * The model's clock is whole milliseconds, cut off: `before` seems half a millisecond too short and `after` as much too long
 * on average, their sum is right on average and off by at most one millisecond.
 */
export function timesOf(answer: Answer, entry: WitnessEntry | undefined): { before: number; after: number } {
  const started = Date.parse(entry?.started_at ?? '');
  const first = Date.parse(entry?.first_token_at ?? '');
  return { before: started - answer.sentAt, after: answer.firstAt - first };
}
