import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../scripts/local/processes.mjs';
import type { ResumedAnswer } from '../load/messages.ts';
import { cpuBetween } from '../stack.ts';
import { quantile } from '../statistics.ts';
import { type Bench, type Rounds, WrongAnswers } from './bench.ts';

/** One round. Times are milliseconds from the moment at which a reader lost its socket. */
export interface StormRound {
  readers: number;
  /** Readers that lost their socket; the answers of the others had ended. */
  struck: number;
  /** Until the other replica said that it follows the answer. */
  resumedP50: number;
  resumedP99: number;
  /** Until the first chunk after that. A running answer is free for another replica only when its owner has been still for 5 s. */
  continuedP50: number;
  continuedP99: number;
  /** Connections that were refused or failed on the way, for each reader. */
  refusals: number;
  /** CPU time of the other replica from the loss to the last resume, in milliseconds for each reader; and of Postgres. */
  serverMs: number;
  postgresMs: number;
}

/** How long the replica lives on when the last answer has begun, in milliseconds. */
const runMs = 1_000;

/** Measures a replica's sudden end: all its readers come to the other replica at once. The bare relay cannot take part. */
export async function measureStorm(bench: Bench): Promise<Rounds<StormRound>> {
  const rounds: Rounds<StormRound> = { parley: [], relay: [] };
  const { rounds: count } = bench.workload.storm;
  for (let at = 0; at < count; at += 1) {
    bench.say(`storm: round ${at + 1} of ${count}`);
    rounds.parley.push(await stormRound(bench, `storm-${at}`));
  }
  return rounds;
}

async function stormRound(bench: Bench, tag: string): Promise<StormRound> {
  const { load, stack, parley: survivor } = bench;
  const { readers, jitterMs, spreadMs, tokensPerAnswer, tokensPerSecond } = bench.workload.storm;
  const lost = await stack.startParley();
  const answerMs = (tokensPerAnswer / tokensPerSecond) * 1_000;
  const { begun } = await load.look();
  const reading = load.storm([lost, survivor], {
    tag,
    count: readers,
    addresses: bench.workload.idle.addresses,
    script: { tokens: tokensPerAnswer, tokens_per_second: tokensPerSecond, first_token_ms: 0 },
    spreadMs,
    jitterMs,
    // The first answer, the time until it is taken up, and the second one, on a machine that is busy.
    answerLimitMs: spreadMs + answerMs * 2 + 60_000,
  });
  reading.catch(() => undefined);
  const all = await waitUntil(async () => (await load.look()).begun - begun >= readers, { everyMs: 100, limitMs: spreadMs + answerMs });
  if (all !== true) throw new Error('the answers began so slowly that they never all ran; is the machine busy?');
  await sleep(runMs);
  const before = stack.cpu(survivor);
  process.kill(lost.pid, 'SIGKILL');
  const answers = await reading;
  const cpu = cpuBetween(before, stack.cpu(survivor));
  await check(bench, answers, tokensPerAnswer);
  const struck = answers.filter(({ lostAt }) => lostAt > 0);
  const after = (pick: (answer: ResumedAnswer) => number) => struck.map((answer) => pick(answer) - answer.lostAt);
  const [resumed, continued] = [after(({ resumedAt }) => resumedAt), after(({ continuedAt }) => continuedAt)];
  return {
    readers,
    struck: struck.length,
    resumedP50: quantile(resumed, 0.5),
    resumedP99: quantile(resumed, 0.99),
    continuedP50: quantile(continued, 0.5),
    continuedP99: quantile(continued, 0.99),
    refusals: struck.reduce((sum, { refusals }) => sum + refusals, 0) / Math.max(1, struck.length),
    serverMs: cpu.server / 1_000 / readers,
    postgresMs: cpu.postgres / 1_000 / readers,
  };
}

/** Every reader must have the whole answer, once and in order, and the model must have been asked at most once an attempt. */
async function check(bench: Bench, answers: ResumedAnswer[], tokens: number): Promise<void> {
  const expected = Array.from({ length: tokens }, (_, at) => `t${at}`).join(' ');
  const attempts = await bench.stack.witness.attempts();
  await bench.stack.witness.clear();
  const wrong: string[] = [];
  for (const { marker, text, error, finish, lostAt, resumedAt, continuedAt } of answers) {
    if (error !== '') wrong.push(`${marker}: ${error}`);
    else if (finish !== 'stop') wrong.push(`${marker}: it ended with "${finish}"`);
    else if (text !== expected) wrong.push(`${marker}: ${text.length} characters came that are not the ${expected.length} due`);
    else if (lostAt > 0 && (resumedAt === 0 || continuedAt === 0)) wrong.push(`${marker}: it was not resumed`);
    const { asked = 0, complete = 0 } = attempts.get(marker) ?? {};
    if (asked > 3 || complete !== 1) wrong.push(`${marker}: the model was asked ${asked} times, and was done ${complete} times`);
  }
  bench.tally.answers += answers.length;
  bench.tally.tokens += answers.length * tokens;
  bench.tally.errors += wrong.length;
  if (wrong.length > 0)
    throw new WrongAnswers(`storm: ${wrong.length} faults in ${answers.length} answers:\n  ${wrong.slice(0, 5).join('\n  ')}`);
}
