import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AnswerStream, counted, resume, send } from '../support/event-stream.ts';
import { startReplicaProcess } from '../support/replica-process.ts';
import { caller, type TestStack, testStack, type TestTenant } from '../support/stack.ts';
import { storedAnswers, turnRow, turnsOfTenant } from '../support/turn-rows.ts';
import { marker } from '../support/witness.ts';

let stack: TestStack;
let tenant: TestTenant;
beforeAll(async () => {
  stack = await testStack();
  tenant = await stack.tenant();
  // From here on there are only the replicas of the test.
  await stack.server.stop();
});
afterAll(() => stack.close());

async function readUntil(answer: AnswerStream, words: number): Promise<void> {
  const iterator = answer[Symbol.asyncIterator]();
  while (answer.text.split(' ').length < words) if ((await iterator.next()).done === true) throw new Error('the answer ended early');
}

/** A message whose answer has so many words; a first call for it, if there is one before the end, is too slow to end. */
function asking(tokens: number, begins: boolean, conversation = marker()) {
  const text = marker();
  const scripts = [...(begins ? [{ tokens: 900, tokens_per_second: 20 }] : []), { tokens }];
  stack.model.scripts.add({ match: text, scripts });
  return { text, conversation, tokens };
}

it('P1, P5: turns that ran or waited when every replica died and Redis was emptied are found in Postgres and finished', async () => {
  const replicas = await Promise.all([0, 1].map(() => startReplicaProcess({ ...stack.env, CHAT_MAX_RUNNING_TURNS: '1' })));
  const [a, b] = replicas;
  if (a === undefined || b === undefined) throw new Error('no replicas');
  const ids = () => turnsOfTenant(stack, tenant);
  const states = async () => Promise.all((await ids()).map(async (id) => (await turnRow(stack, id)).state));
  // Each replica has one place: two turns run.
  const asked = [asking(10, true), asking(20, true)];
  for (const [at, one] of asked.entries()) await readUntil(await send((replicas[at] ?? a).url, tenant, one), 5);
  // One more waits behind its conversation's first, and one for a place. Nobody is left to answer their requests.
  asked.push(asking(30, false, asked[0]?.conversation), asking(40, false));
  for (const [at, one] of asked.slice(2).entries()) {
    send((replicas[at] ?? a).url, tenant, one).catch(() => undefined);
    await expect.poll(async () => (await ids()).length, { timeout: 10_000 }).toBe(3 + at);
  }
  expect(await states()).toEqual(['running', 'running', 'waiting', 'queued']);

  for (const replica of replicas) replica.signal('SIGKILL');
  await stack.redis.flushdb();
  const revived = await stack.replica();
  await expect.poll(states, { timeout: 40_000, interval: 200 }).toEqual(asked.map(() => 'completed'));
  const there = { ...stack, request: caller(revived.url) };
  for (const [at, id] of (await ids()).entries()) {
    expect(await storedAnswers(there, tenant, id)).toEqual([{ status: 'complete', text: counted(asked[at]?.tokens ?? 0) }]);
  }
  const shown = await (await resume(revived.url, tenant, asked[3]?.conversation ?? ''))?.finished();
  expect(shown?.text).toBe(counted(40));
  await Promise.all(replicas.map((replica) => replica.stop()));
});
