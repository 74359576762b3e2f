import { waitUntil } from '../../scripts/local/processes.mjs';
import { check, type Verdict } from './checker/checker.ts';
import { type AnswerShape, converse } from './clients/conversations.ts';
import { Injector } from './injector.ts';
import { describeFault, type Fault, planFaults } from './schedule.ts';
import { attemptsPerTurn, callsPerAttempt, type FaultStack } from './support/fault-stack.ts';
import type { Evidence, SentMessage } from './support/history.ts';
import { SeededRandom } from './support/random.ts';
import { countUnfinished, readServed, readStored } from './support/witnesses.ts';

/** What a seeded run is made of. */
export interface RunOptions {
  seed: number;
  durationMs: number;
  streams: number;
  answers: AnswerShape;
  /** Faults to play instead of the seed's own. */
  faults?: Fault[];
  say: (line: string) => void;
}

/** What a seeded run leaves. */
export interface RunResult {
  evidence: Evidence;
  verdict: Verdict;
  injector: Injector;
}

/** Longest time after the last fault in which every acknowledged message must have ended and been read, in milliseconds. */
const healMs = 90_000;

/** Streams talk while faults are played; then everything heals, every message comes to its end, and the checker judges. */
export async function seededRun(stack: FaultStack, options: RunOptions): Promise<RunResult> {
  const random = new SeededRandom(options.seed);
  const faults =
    options.faults ?? planFaults(random.branch('schedule'), { durationMs: options.durationMs, replicas: stack.replicas.length });
  const stopping = new AbortController();
  const giveUp = new AbortController();
  const sent: SentMessage[] = [];
  const choice = random.branch('targets');
  const load = {
    tenants: stack.tenants,
    target: () => stack.entrance.target(choice),
    answers: options.answers,
    random: random.branch('load'),
    stopping: stopping.signal,
    giveUp: giveUp.signal,
  };
  const streams = Array.from({ length: options.streams }, (_, stream) => converse(load, stream, sent));
  const injector = new Injector(stack, options.say);
  await injector.play(faults, describeFault);
  stopping.abort();
  options.say('the faults end; everything heals');
  await injector.stop();
  await stack.heal();
  const allRead = Promise.all(streams).then(() => true);
  const late = setTimeout(() => giveUp.abort(), healMs);
  await allRead;
  clearTimeout(late);
  await waitUntil(async () => (await countUnfinished(stack.owner.main)) === 0, { everyMs: 250, limitMs: healMs });
  options.say('the checker judges');
  const evidence: Evidence = {
    messages: sent,
    served: await readServed(stack.model.url),
    stored: await readStored(stack.owner, stack.tenants),
    limits: { attempts: attemptsPerTurn, calls: callsPerAttempt },
  };
  return { evidence, verdict: check(evidence), injector };
}
