import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../scripts/local/processes.mjs';
import { SeededRandom } from '../faults/support/random.ts';
import { check } from './checker/checker.ts';
import {
  type LimitChange,
  limitNames,
  type Peaks,
  type SentMessage,
  type TenantEvidence,
  wasRefused,
  watchedLimits,
} from './checker/evidence.ts';
import { changeHoldsAfterMs } from './checker/spending-rules.ts';
import type { Violation } from './checker/violation.ts';
import { type Load, sendAll } from './clients/load.ts';
import { EventPlayer } from './events.ts';
import type { Scenario } from './scenarios.ts';
import { CounterWatch } from './support/counter-watch.ts';
import { modelPrices } from './support/model-prices.ts';
import { MonthClock } from './support/month-clock.ts';
import type { QuotaStack } from './support/quota-stack.ts';
import { type QuotaTenant, setLimits, signUpTenant } from './support/quota-tenants.ts';
import { countOpen, readServed, readStored } from './support/read-evidence.ts';

/** A scenario with the tenants that it needs. */
export interface Prepared {
  scenario: Scenario;
  /** Beginning of its markers. */
  tag: string;
  limited: QuotaTenant;
  neighbour: QuotaTenant;
  since: LimitChange;
}

/** What a scenario leaves. */
export interface ScenarioResult {
  scenario: Scenario;
  evidence: TenantEvidence[];
  violations: Violation[];
  seconds: number;
}

/** Longest time after the last event in which all turns and reservations must have ended, in milliseconds. */
const settleMs = 90_000;
/** Messages that may be sent one by one until the limit refuses. */
const mostTopUps = 150;
/** Limits of a tenant that must not notice the other one. */
const plenty: Omit<LimitChange, 'at'> = { tokens: 100_000_000, messages: 1_000_000, cost: 1_000_000_000_000, visitorTokens: 10_000_000 };
const noPeaks: Peaks = { tokens: 0, cost: 0, visitorTokens: 0 };

/** Signs up the tenants of some scenarios, sets their limits, and waits once until they hold everywhere. */
export async function prepare(stack: QuotaStack, scenarios: Scenario[]): Promise<Prepared[]> {
  const prepared: Prepared[] = [];
  for (const scenario of scenarios) {
    const tag = stack.newTag();
    const limited = await signUpTenant(stack.url(), `${tag}-limited`, scenario);
    const neighbour = await signUpTenant(stack.url(), `${tag}-neighbour`, scenario);
    await setLimits(stack.auditor.main, neighbour, plenty);
    prepared.push({ scenario, tag, limited, neighbour, since: await setLimits(stack.auditor.main, limited, scenario.limits) });
  }
  await sleep(changeHoldsAfterMs);
  return prepared;
}

/** Sends, disturbs (`disturbed`: something else does, too), lets everything settle, sends on until the limit refuses, and judges. */
export async function runScenario(
  stack: QuotaStack,
  { scenario, tag, limited, neighbour, since }: Prepared,
  disturbed = false,
): Promise<ScenarioResult> {
  const began = performance.now();
  const clock = scenario.monthTurnsAfterMs === undefined ? undefined : new MonthClock(stack.auditor.main);
  const monthTurnedAt = clock === undefined ? undefined : await stack.shiftClock(clock, scenario.monthTurnsAfterMs ?? 0);
  const random = new SeededRandom(scenario.seed).branch(scenario.name);
  const sent: SentMessage[] = [];
  const beside: SentMessage[] = [];
  const load = (tenant: QuotaTenant, own: string, target: SeededRandom): Omit<Load, 'messages' | 'concurrency' | 'mix' | 'sent'> => ({
    tenant,
    tag: `${tag}${own}`,
    answer: scenario.answer,
    dialects: scenario.dialects,
    ...(scenario.visitors === undefined ? {} : { visitors: scenario.visitors }),
    random: random.branch(own),
    target: () => stack.target(target, scenario.replicas),
    modelUrl: stack.modelUrl,
  });
  const watch = new CounterWatch(stack.auditor.main, limited.uuid);
  const over = new AbortController();
  const calmMix = { plain: 3, late: 1 };
  const besides = sendAll({
    ...load(neighbour, 'n', random.branch('beside')),
    ...{ messages: 100_000, concurrency: 2, pauseMs: 150, mix: calmMix, sent: beside, stopping: over.signal },
  });
  const events = new EventPlayer(stack, limited, since);
  const playing = events.play(scenario.events);
  const { messages, concurrency, mix, pauseMs } = scenario;
  await sendAll({
    ...load(limited, 's', random.branch('storm')),
    ...{ messages, concurrency, mix, sent, ...(pauseMs === undefined ? {} : { pauseMs }) },
  });
  await playing;
  over.abort();
  await besides;
  await stack.heal();
  const ids = [limited.uuid, neighbour.uuid];
  const isSettled = await settled(stack, ids, tag);
  const peaks = await watch.stop();
  await sleep(Math.max(0, (events.limits.at(-1)?.at ?? 0) + changeHoldsAfterMs - Date.now()));
  const topUps: SentMessage[] = [];
  const topUp = { messages: mostTopUps, concurrency: 1, mix: { full: 1 }, sent: topUps, enough: wasRefused };
  const quick = { ...scenario.answer, tokensPerSecond: 0 };
  // What stays open is found by the checker; more messages would only stay open, too.
  if (isSettled) await sendAll({ ...load(limited, 't', random.branch('top-up')), ...topUp, answer: quick });
  await settled(stack, ids, tag);
  if (clock !== undefined) await stack.resetClock(clock);
  const deaths = scenario.events.some((event) => event.do === 'kill' || event.do === 'kill-in-commit');
  const calm = !deaths && !disturbed && clock === undefined;
  const exhausted = topUps.findLast(wasRefused)?.replies.at(-1)?.refusal?.limit;
  for (const name of watchedLimits) if (wasLowered(events.limits, name)) peaks[name] = 0;
  const evidence: TenantEvidence[] = [
    {
      ...{ name: limited.name, uuid: limited.uuid, limits: events.limits, neighbour: false, calm, sent: [...sent, ...topUps] },
      ...{ exhausted, peaks, prices: modelPrices, ...(monthTurnedAt === undefined ? {} : { monthTurnedAt }) },
      served: [...(await readServed(stack.modelUrl, `${tag}s`)), ...(await readServed(stack.modelUrl, `${tag}t`))],
      ...(await readStored(stack.auditor, limited.uuid)),
    },
    {
      ...{ name: neighbour.name, uuid: neighbour.uuid, limits: [{ at: since.at, ...plenty }], neighbour: true, calm, sent: beside },
      ...{ exhausted: undefined, peaks: noPeaks, prices: modelPrices, ...(monthTurnedAt === undefined ? {} : { monthTurnedAt }) },
      served: await readServed(stack.modelUrl, `${tag}n`),
      ...(await readStored(stack.auditor, neighbour.uuid)),
    },
  ];
  return { scenario, evidence, violations: [...check(evidence), ...unexpected(evidence)], seconds: (performance.now() - began) / 1_000 };
}

function wasLowered(limits: LimitChange[], name: keyof Peaks): boolean {
  return limits.some((change, at) => (change[name] ?? Infinity) < (limits[at - 1]?.[name] ?? 0));
}

/** A run that has not reached its limit has shown nothing. */
function unexpected([limited]: TenantEvidence[]): Violation[] {
  const known: string[] = Object.values(limitNames);
  if (limited === undefined || known.includes(limited.exhausted ?? '')) return [];
  return [{ kind: 'unused', tenant: limited.name, detail: 'the limit never refused: the load was too small' }];
}

async function settled(stack: QuotaStack, tenantIds: string[], tag: string): Promise<boolean> {
  const isQuiet = async () => (await countOpen(stack.auditor.main, tenantIds)) === 0 && !(await stack.modelIsBusy(tag));
  return (await waitUntil(isQuiet, { everyMs: 200, limitMs: settleMs })) === true;
}
