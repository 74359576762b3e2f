/** Runs the quota harness: `npm run test:quotas -- --seed N --minutes M`. Exits with 1 on any violation. */
import { build } from '../../scripts/local/build.mjs';
import type { Violation } from './checker/violation.ts';
import { type Options, readOptions, usage } from './options.ts';
import { plantedLimits, plantedModes } from './planted/modes.ts';
import { asExpected, plantedRun } from './planted/planted-run.ts';
import { type Figures, figuresOf, formatFigures, outcomesOf, sumOf } from './report.ts';
import { prepare, runScenario } from './scenario-run.ts';
import {
  crowd,
  flushes,
  kills,
  moneyCrowd,
  moneyKills,
  monthTurn,
  planChanges,
  roughProvider,
  type Scenario,
  visitorsDay,
} from './scenarios.ts';
import { QuotaStack } from './support/quota-stack.ts';

/** Violations of one scenario that are printed. */
const printed = 20;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** One round: everything, with seeds of its own; what is cut off first at the end of the time comes last. */
function roundOf(seed: number): Scenario[] {
  const crowds = (concurrency: number) => [crowd(seed, 3, concurrency), crowd(seed + 1, 1, concurrency)];
  return [
    ...[moneyKills(seed, 4), moneyCrowd(seed, 3, 64), visitorsDay(seed, 3)],
    ...[...crowds(1), ...crowds(64), ...crowds(512), moneyCrowd(seed + 1, 1, 512)],
    ...[roughProvider(seed), kills(seed, 4), flushes(seed, 8), planChanges(seed), kills(seed + 1, 6, 240), monthTurn(seed)],
  ];
}

async function run(options: Options): Promise<boolean> {
  print(`seed ${options.seed}`);
  if (options.build) await build();
  const stack = await QuotaStack.start(options.seed);
  const all: Figures[] = [];
  const violations: Violation[] = [];
  try {
    print(`logs in ${stack.folder}`);
    for (const concurrency of [64, 512]) await selfTest(stack, options.seed, concurrency);
    const end = performance.now() + options.minutes * 60_000;
    for (let round = 0; round === 0 || performance.now() < end; round += 1) {
      const scenarios = roundOf(options.seed + 2 * round).filter(({ name }) => name.includes(options.only));
      for (const prepared of await prepare(stack, scenarios)) {
        if (all.length > 0 && performance.now() > end) break;
        const result = await runScenario(stack, prepared);
        const figures = figuresOf(result);
        all.push(figures);
        violations.push(...result.violations);
        print(formatFigures(result.scenario.name, figures));
        for (const { kind, tenant, detail } of result.violations.slice(0, printed)) print(`  ${kind} ${tenant}: ${detail}`);
        if (result.violations.length > 0) print(`  ${JSON.stringify(outcomesOf(result.evidence))}`);
      }
    }
  } finally {
    await stack.close(options.keep && violations.length > 0);
  }
  print(formatFigures(`${all.length} runs, seed ${options.seed}`, sumOf(all)));
  return violations.length === 0 && all.length > 0;
}

/** The same clients and the same checker, before limiters that are known to be wrong. */
async function selfTest(stack: QuotaStack, seed: number, concurrency: number): Promise<void> {
  for (const [limits, mode] of plantedLimits.flatMap((each) => plantedModes.map((other) => [each, other] as const))) {
    const result = await plantedRun(stack, { mode, limits, seed, concurrency, tag: stack.newTag() });
    const { served, limit, overspend } = result;
    const verdict = asExpected(result) ? 'as expected' : 'WRONG';
    const said = `${served} of ${limit} ${limits === 'cost' ? 'micro-units of money' : 'tokens'} served, overspend ${overspend}`;
    print(`planted: ${mode.padEnd(14)} ${concurrency} at once: ${said}: ${verdict}`);
    if (!asExpected(result)) throw new Error('The checker did not judge the planted limiters as expected: its findings mean nothing.');
  }
}

try {
  process.exitCode = (await run(readOptions(process.argv.slice(2)))) ? 0 : 1;
} catch (error) {
  print(error instanceof Error ? (error.stack ?? error.message) : String(error));
  print(usage);
  process.exitCode = 1;
}
