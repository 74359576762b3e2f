import type { Fleet, Target } from '../load/fleet.ts';
import type { Answer } from '../load/messages.ts';
import type { Workload } from '../options.ts';
import type { Stack, StartedTarget } from '../stack.ts';
import type { Checked } from '../witness.ts';

/** What every measure works with. */
export interface Bench {
  stack: Stack;
  workload: Workload;
  /** Makes the load. */
  load: Fleet;
  /** Asks beside the load, in a process of its own, so that it does not wait behind the load's frames. */
  probes: Fleet;
  parley: StartedTarget;
  relay: StartedTarget;
  /** What was compared so far, over all measures. */
  tally: Tally;
  /** Says how far the run is. */
  say: (line: string) => void;
}

/** What was compared with the model's own log. */
export interface Tally {
  answers: number;
  tokens: number;
  errors: number;
  /** Wrong answers of the peer: they are its own affair, and do not fail a run. */
  errorsOfPeer: number;
}

/** A measure failed: what was measured is not what should have been measured. */
export class WrongAnswers extends Error {
  override name = 'WrongAnswers';
}

/** Compares the answers of a round with the model's log; throws WrongAnswers for any difference, but counts those of the peer. */
export async function verify(bench: Bench, target: Target, answers: Answer[], tokens: (marker: string) => number): Promise<Checked> {
  const checked = await bench.stack.witness.check(answers, tokens);
  await bench.stack.witness.clear();
  bench.tally.answers += checked.answers;
  bench.tally.tokens += checked.tokens;
  if (target.name === 'portkey') {
    bench.tally.errorsOfPeer += checked.wrong.length;
    for (const wrong of checked.wrong.slice(0, 3)) bench.say(`${target.name}: ${wrong}`);
    return checked;
  }
  bench.tally.errors += checked.wrong.length;
  if (checked.wrong.length > 0) {
    const some = checked.wrong.slice(0, 5).join('\n  ');
    throw new WrongAnswers(`${target.name}: ${checked.wrong.length} of ${checked.answers} answers are wrong:\n  ${some}`);
  }
  return checked;
}

/** Rounds of both targets. */
export interface Rounds<T> {
  parley: T[];
  relay: T[];
}

/** One round after the other, A B A B, so that both meet the same machine. `warm` runs once for each before the first of `count`. */
export function interleave<T>(
  bench: Bench,
  name: string,
  round: (target: StartedTarget, tag: string) => Promise<T>,
  warm?: (target: StartedTarget, tag: string) => Promise<unknown>,
  count = bench.workload.rounds,
): Promise<Rounds<T>> {
  const { parley, relay } = bench;
  return alternate(bench, { name, count, targets: { parley, relay }, round, ...(warm && { warm }) });
}

/** What `alternate` does. */
export interface Alternation<K extends string, T> {
  name: string;
  count: number;
  targets: Record<K, StartedTarget>;
  round: (target: StartedTarget, tag: string) => Promise<T>;
  warm?: (target: StartedTarget, tag: string) => Promise<unknown>;
}

/** The same for any number of targets. */
export async function alternate<K extends string, T>(
  bench: Bench,
  { name, count, targets, round, warm }: Alternation<K, T>,
): Promise<Record<K, T[]>> {
  const all = Object.entries(targets) as [K, StartedTarget][];
  const rounds = Object.fromEntries(all.map(([key]) => [key, []])) as unknown as Record<K, T[]>;
  if (bench.workload.warm && warm !== undefined) for (const [key, target] of all) await warm(target, `${name}-${key}-warm`);
  for (let at = 0; at < count; at += 1) {
    for (const [key, target] of all) {
      bench.say(`${name}: round ${at + 1} of ${count}, ${key}`);
      rounds[key].push(await round(target, `${name}-${key}-${at}`));
    }
  }
  return rounds;
}
