import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../scripts/local/processes.mjs';
import { check } from './checker/checker.ts';
import type { Violation } from './checker/violation.ts';
import { accessOf, newMessage } from './clients/conversations.ts';
import { MessageReader } from './clients/message-reader.ts';
import { attemptsPerTurn, callsPerAttempt, type FaultStack } from './support/fault-stack.ts';
import { type SentMessage, wasAcknowledged } from './support/history.ts';
import { SeededRandom } from './support/random.ts';
import type { ReplicaProcess } from './support/replica-process.ts';
import { countUnfinished, readServed, readStored } from './support/witnesses.ts';

/** What is asked for. */
export interface AcknowledgementOptions {
  seed: number;
  /** Acknowledgements to collect, and kills to spread over them. */
  acks: number;
  kills: number;
  say: (line: string) => void;
}

/** Longest time for all answers to come to their end after the last kill, in milliseconds. */
const healMs = 90_000;
/** Longest wait for the first acknowledgement of a round, in milliseconds. */
const ackMs = 20_000;

/**
 * Kills a replica in the very moment in which it has acknowledged a message, again and again, and looks at the end whether
 * Postgres has them all, and whether each has come to its end.
 */
export async function acknowledgements(
  stack: FaultStack,
  options: AcknowledgementOptions,
): Promise<{ acknowledged: number; kills: number; violations: Violation[] }> {
  const random = new SeededRandom(options.seed);
  const sent: SentMessage[] = [];
  const reads: Promise<void>[] = [];
  const giveUp = new AbortController();
  const each = Math.ceil(options.acks / options.kills);
  let kills = 0;
  const count = () => sent.filter(wasAcknowledged).length;
  while (kills < options.kills || count() < options.acks) {
    const victim = await runningReplica(stack, random);
    const way = { url: victim.url, name: victim.name };
    const round: SentMessage[] = [];
    // All go to the replica that will die; whoever is not acknowledged sends again, anywhere.
    for (let at = 0; at < each; at += 1) {
      const tenant = random.pick(stack.tenants);
      const number = sent.length;
      const message = newMessage(tenant.letter, `acks-${number}`, { words: 5, script: { tokens_per_second: 10 } });
      let first = true;
      const target = () => {
        const chosen = first ? way : stack.entrance.target(random);
        first = false;
        return chosen;
      };
      round.push(message);
      sent.push(message);
      const access = accessOf(tenant, `visitor-${number % 50}`, target);
      reads.push(
        new MessageReader(message, { access, view: 0, leaves: 0, random: random.branch(message.key), giveUp: giveUp.signal }).read(),
      );
    }
    const due = random.integer(1, each);
    const there = await waitUntil(() => round.filter(wasAcknowledged).length >= due, { everyMs: 1, limitMs: ackMs });
    if (!there) throw new Error(`no acknowledgement within ${ackMs} ms`);
    await victim.kill();
    kills += 1;
    void victim.start();
    if (kills % 10 === 0) options.say(`${count()} acknowledgements, ${kills} kills`);
  }
  await stack.heal();
  const late = setTimeout(() => giveUp.abort(), healMs);
  await Promise.all(reads);
  clearTimeout(late);
  await waitUntil(async () => (await countUnfinished(stack.owner.main)) === 0, { everyMs: 250, limitMs: healMs });
  const { violations } = check({
    messages: sent,
    served: await readServed(stack.model.url),
    stored: await readStored(stack.owner, stack.tenants),
    limits: { attempts: attemptsPerTurn, calls: callsPerAttempt },
  });
  return { acknowledged: count(), kills, violations };
}

/** A replica that runs; waits while all are on their way up. */
async function runningReplica(stack: FaultStack, random: SeededRandom): Promise<ReplicaProcess> {
  for (;;) {
    const running = stack.replicas.filter((replica) => replica.running);
    if (running.length > 0) return random.pick(running);
    await sleep(20);
  }
}
