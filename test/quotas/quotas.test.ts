import { afterAll, beforeAll, expect, test } from 'vitest';
import { wasRefused } from './checker/evidence.ts';
import { plantedLimits, plantedModes } from './planted/modes.ts';
import { plantedRun } from './planted/planted-run.ts';
import { figuresOf, sumOf } from './report.ts';
import { type Prepared, prepare, runScenario, type ScenarioResult } from './scenario-run.ts';
import { crowd, flushes, kills, moneyCrowd, moneyKills, monthTurn, planChanges, roughProvider, visitorsDay } from './scenarios.ts';
import { QuotaStack } from './support/quota-stack.ts';

/** The short form of the quota harness; `npm run test:quotas` is the long one. */
const seed = 11;
const scenarios = {
  few: crowd(seed, 3, 64),
  many: crowd(seed + 1, 1, 200),
  money: moneyCrowd(seed, 3, 64),
  rough: roughProvider(seed, 60),
  flushes: flushes(seed, 3),
  kills: kills(seed, 2, 80),
  changes: planChanges(seed),
  moneyKills: moneyKills(seed, 2, 100),
  visitors: visitorsDay(seed, 2, 100),
  month: monthTurn(seed),
};
let stack: QuotaStack;
let preparing: Promise<Prepared[]>;

beforeAll(async () => {
  stack = await QuotaStack.start(seed);
  // Limits take some seconds to hold: what needs no server goes first.
  preparing = prepare(stack, Object.values(scenarios));
}, 120_000);
afterAll(() => stack.close(), 30_000);

/** Runs some scenarios beside each other, and judges. */
async function run(names: (keyof typeof scenarios)[], disturbed = false): Promise<ScenarioResult[]> {
  const prepared = (await preparing).filter(({ scenario }) => names.some((name) => scenarios[name] === scenario));
  const results = await Promise.all(prepared.map((each) => runScenario(stack, each, disturbed)));
  for (const { scenario, violations, evidence } of results) {
    expect(violations.slice(0, 20), scenario.name).toEqual([]);
    // Otherwise nothing was tried.
    expect(evidence[0]?.sent.some(wasRefused), scenario.name).toBe(true);
    expect(evidence[1]?.turns.length, scenario.name).toBeGreaterThan(1);
  }
  return results;
}

const planted = plantedLimits.flatMap((limits) => plantedModes.map((mode) => ({ limits, mode })));
test.each(planted)('P6: the harness judges a planted limiter of $limits as it is: $mode', async ({ limits, mode }) => {
  const { overspend, served, limit } = await plantedRun(stack, { mode, limits, seed, concurrency: 64, tag: stack.newTag() });
  if (mode === 'atomic') expect({ overspend, within: served <= limit && served > limit / 2 }).toEqual({ overspend: 0, within: true });
  else expect(overspend).toBeGreaterThan(limit / 10);
});

test('P6: no overspend in crowds, with providers that fail, lie or say nothing, with stops, and over flushes of Redis', async () => {
  expect(await run(['few', 'many', 'money', 'rough', 'flushes'])).toHaveLength(5);
});

test('P6: no overspend over kills, and while the plan changes', { timeout: 120_000 }, async () => {
  const results = await run(['kills', 'changes'], true);
  expect(sumOf(results.map(figuresOf)).takenOver).toBeGreaterThan(0);
});

test('P6: no overspend of money, nor of visitors in a day, over kills and stops', { timeout: 120_000 }, async () => {
  const results = await run(['moneyKills', 'visitors'], true);
  const limits = results.map(({ evidence }) => evidence[0]?.exhausted).toSorted();
  expect(limits).toEqual(['cost_per_month', 'visitor_tokens_per_day']);
  expect(sumOf(results.map(figuresOf)).takenOver).toBeGreaterThan(0);
});

test('P6: no overspend while the month turns', async () => {
  const [{ evidence } = { evidence: [] }] = await run(['month']);
  expect(new Set(evidence[0]?.ledger.map(({ month }) => month)).size).toBe(2);
});
