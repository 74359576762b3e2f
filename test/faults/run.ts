/** Runs the fault suite: `npm run test:faults -- --seed N --minutes M`. Exits with 1 on any violation. */
import { join } from 'node:path';
import { build } from '../../scripts/local/build.mjs';
import { root } from '../../scripts/local/paths.mjs';
import { acknowledgements } from './acknowledgements.ts';
import { type Options, readOptions, usage } from './options.ts';
import { selfTest } from './planted/self-test.ts';
import { formatReport, reportOf } from './report.ts';
import { formatHistory, writeResult } from './results.ts';
import { seededRun } from './seeded-run.ts';
import { FaultStack } from './support/fault-stack.ts';

/** Answers of three to ten seconds. */
const answers = { tokensPerSecond: 20, words: { least: 60, most: 200 } };
const results = join(root, 'test', 'faults', 'results');
/** Histories that are printed; all are in the file. */
const printed = 3;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function run(options: Options): Promise<boolean> {
  print(`seed ${options.seed}`);
  if (options.build) await build();
  const stack = await FaultStack.start({ ...options, tenants: 5 });
  let clean = false;
  try {
    print(`logs in ${stack.folder}`);
    const caught = await selfTest(stack, options.seed);
    for (const { name, ok } of caught) print(`planted: ${name.padEnd(48)} ${ok ? 'as expected' : 'WRONG'}`);
    if (caught.some(({ ok }) => !ok)) {
      print(JSON.stringify(caught.filter(({ ok }) => !ok)));
      throw new Error('The checker did not judge the planted bugs as expected: its findings mean nothing.');
    }
    clean = options.mode === 'acks' ? await runAcknowledgements(stack, options) : await runStreams(stack, options);
  } finally {
    await stack.close(options.keep && !clean);
  }
  return clean;
}

async function runStreams(stack: FaultStack, options: Options): Promise<boolean> {
  const { seed, streams } = options;
  const { evidence, verdict, injector } = await seededRun(stack, {
    seed,
    streams,
    answers,
    durationMs: options.minutes * 60_000,
    say: print,
  });
  const report = reportOf(
    evidence,
    verdict,
    injector,
    stack.replicas.flatMap(({ boots }) => boots.slice(1)),
  );
  print(`\n${formatReport(report)}\n`);
  const hurt = [...new Set(verdict.violations.map(({ key }) => key))];
  for (const { kind, key, detail } of verdict.violations.slice(0, 50)) print(`${kind} ${key}: ${detail}`);
  for (const message of evidence.messages.filter(({ key }) => hurt.slice(0, printed).includes(key))) print(formatHistory(message));
  const file = writeResult(results, `${new Date().toISOString().replaceAll(/[:.]/g, '-')}-seed-${seed}`, {
    report,
    verdict,
    evidence,
    settings: options,
  });
  print(`${hurt.length === 0 ? 'no violation' : `${verdict.violations.length} violations of ${hurt.length} messages`}; ${file}`);
  return verdict.violations.length === 0;
}

async function runAcknowledgements(stack: FaultStack, options: Options): Promise<boolean> {
  const { acknowledged, kills, violations } = await acknowledgements(stack, { ...options, say: print });
  print(`${acknowledged} acknowledgements over ${kills} kills, ${violations.length} violations`);
  for (const { kind, key, detail } of violations) print(`${kind} ${key}: ${detail}`);
  return violations.length === 0 && acknowledged >= options.acks && kills >= options.kills;
}

try {
  process.exitCode = (await run(readOptions(process.argv.slice(2)))) ? 0 : 1;
} catch (error) {
  print(error instanceof Error ? (error.stack ?? error.message) : String(error));
  print(usage);
  process.exitCode = 1;
}
