import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../../scripts/local/processes.mjs';
import { check } from '../checker/checker.ts';
import type { Violation } from '../checker/violation.ts';
import { newMessage, type Tenant } from '../clients/conversations.ts';
import { MessageReader } from '../clients/message-reader.ts';
import { attemptsPerTurn, callsPerAttempt, type FaultStack } from '../support/fault-stack.ts';
import type { SentMessage } from '../support/history.ts';
import { SeededRandom } from '../support/random.ts';
import { readServed, readStored } from '../support/witnesses.ts';
import { type PlantedBug, plantedBugs } from './mutations.ts';
import { Tap } from './tap.ts';

/** Whether the checker has caught one planted bug. */
export interface Caught {
  name: string;
  ok: boolean;
  violations: Violation[];
}

/** Longest time that a planted message may take, in milliseconds. */
const limitMs = 20_000;
/** Time after an acknowledgement in which a lost message is asked for in vain, in milliseconds. */
const lostMs = 3_000;

/**
 * Plants each bug between a real replica and a real reader, and lets the checker judge the histories with the real witnesses. A
 * checker that misses one cannot be believed when it finds nothing.
 */
export async function selfTest(stack: FaultStack, seed: number): Promise<Caught[]> {
  const planted = await Promise.all(plantedBugs.map((bug, at) => record(stack, bug, { seed: seed + at, at })));
  const messages = planted.flatMap(({ all }) => all);
  const evidence = {
    messages,
    served: await readServed(stack.model.url),
    stored: await readStored(stack.owner, stack.tenants),
    limits: { attempts: attemptsPerTurn, calls: callsPerAttempt },
  };
  const { violations } = check(evidence);
  return planted.map(({ bug, message, all }) => {
    const own = violations.filter(({ key }) => key === message.key);
    const others = violations.filter(({ key }) => key !== message.key && all.some((one) => one.key === key));
    const ok = bug.expected === undefined ? own.length === 0 : own.some(({ kind }) => kind === bug.expected);
    return { name: bug.name, ok: ok && others.length === 0, violations: [...own, ...others] };
  });
}

async function record(stack: FaultStack, bug: PlantedBug, { seed, at }: { seed: number; at: number }) {
  const [tenant, other] = [stack.tenants[at % stack.tenants.length], stack.tenants[(at + 1) % stack.tenants.length]];
  const upstream = stack.replicas[at % stack.replicas.length]?.url;
  if (tenant === undefined || other === undefined || upstream === undefined) throw new Error('two tenants and a replica are needed');
  const random = new SeededRandom(seed);
  // Another tenant's answer at the same time, whose words a confused server could mix up with these.
  const foreign = newMessage(other.letter, `planted-${at}-other`, { words: 60, script: { tokens_per_second: 25 } });
  const message = newMessage(tenant.letter, `planted-${at}`, { words: 30, script: { tokens_per_second: 20, ...bug.script } });
  const tap = await Tap.start(upstream, () => bug.mutation(() => lastDelta(foreign)));
  const giveUp = new AbortController();
  const reading = (of: SentMessage, by: Tenant, url: string) =>
    new MessageReader(of, {
      access: () => ({ url, name: bug.name, apiKey: by.apiKey, botId: by.botId, visitorId: `planted-${at}` }),
      view: 0,
      leaves: 0,
      random,
      giveUp: giveUp.signal,
      dialect: 'websocket',
    }).read();
  const otherReading = reading(foreign, other, upstream);
  await waitUntil(() => lastDelta(foreign) !== '', { limitMs });
  const both = Promise.all([otherReading, reading(message, tenant, tap.url)]);
  await Promise.race([both, sleep(bug.expected === 'lost' ? lostMs : limitMs, undefined, { signal: giveUp.signal, ref: false })]);
  giveUp.abort();
  await both;
  await tap.close();
  // The other one is judged only where it came to its end.
  const ended = foreign.readings.some(({ events }) => events.some(({ type }) => type === 'end'));
  return { bug, message, all: ended ? [message, foreign] : [message] };
}

function lastDelta(message: SentMessage): string {
  const events = message.readings.flatMap((reading) => reading.events);
  const last = events.findLast((event) => event.type === 'chunk' && event.chunk.type === 'text-delta');
  return last?.type === 'chunk' ? (last.chunk.delta ?? '') : '';
}
