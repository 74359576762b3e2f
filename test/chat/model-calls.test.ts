import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uuidOf } from '../../src/kernel/ids.ts';
import type { Chunk } from '../../src/modules/chat/stream/chunks.ts';
import { maxAttempts } from '../../src/modules/chat/turn/turn-limits.ts';
import { Replica } from '../../src/platform/replicas/index.ts';
import { type AnswerStream, counted, send } from '../support/event-stream.ts';
import { asSuperuser } from '../support/services.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';
import { storedAnswers, turnRow } from '../support/turn-rows.ts';
import { calls, marker } from '../support/witness.ts';

/** Calls of one attempt at most, as the stack below is set up. */
const maxCalls = 3;

let stack: TestStack;
let tenant: TestTenant;
let brief: TestTenant;
beforeAll(async () => {
  stack = await testStack({ env: { MODEL_IDLE_TIMEOUT_MS: '700', MODEL_MAX_CALLS: String(maxCalls) } });
  tenant = await stack.tenant();
  brief = await stack.tenant({ max_output_tokens: 16 });
});
afterAll(() => stack.close());

/** Asks the model to behave so, call after call; gives the answer and how the turn stands. */
async function ask(scripts: object[], of = tenant) {
  const text = marker();
  stack.model.scripts.add({ match: text, scripts: scripts as [] });
  const answer = await (await send(stack.url, of, { conversation: marker(), text })).finished();
  const turn = await turnRow(stack, turnIdOf(answer));
  const seen = calls(stack, text);
  expect(turn.model_calls).toBe(seen.length);
  return { answer, turn, seen, stored: await storedAnswers(stack, of, turn.id) };
}

function turnIdOf(answer: AnswerStream): string {
  return uuidOf('turn', answer.events[0]?.cursor.split(':')[0] ?? '') as string;
}

const finishOf = (answer: AnswerStream) => answer.last as Extract<Chunk, { type: 'finish' }>;
const kinds = (answer: AnswerStream) => answer.events.map(({ chunk }) => chunk.type).filter((type) => type !== 'text-delta');

describe('P8: a call that breaks off after text', () => {
  it.each([
    ['is cut', { cut_after_tokens: 20 }],
    ['ends without a reason', { end_after_tokens: 20 }],
    ['goes silent', { stall_after_tokens: 20 }],
    ['sends an error', { error_event_after_tokens: 20 }],
    ['has given every word but not said so', { end_after_tokens: 60 }],
  ])('and %s, is gone on from by another call', async (_how, fault) => {
    const { answer, turn, seen, stored } = await ask([{ tokens: 60, ...fault }, { tokens: 60 }]);
    expect(answer.text).toBe(counted(60));
    expect(stored).toEqual([{ status: 'complete', text: counted(60) }]);
    expect(kinds(answer)).toEqual(['start', 'start-step', 'text-start', 'text-end', 'finish-step', 'finish']);
    expect(finishOf(answer)).toMatchObject({ finishReason: 'stop', messageMetadata: { status: 'complete', usage: { estimated: true } } });
    expect(seen.map(({ continued_prefix }) => continued_prefix).toSorted()).toEqual(['matched', null]);
    expect(turn).toMatchObject({ state: 'completed', attempt: 1, usage_estimated: true });
    expect(turn.output_tokens).toBeGreaterThanOrEqual(60);
  });

  it('is given up after a bounded number of calls: interrupted, each word once', async () => {
    const { answer, turn, seen, stored } = await ask(Array.from({ length: 9 }, () => ({ tokens: 60, cut_after_tokens: 10 })));
    expect(seen).toHaveLength(maxCalls);
    expect(answer.text).toBe(counted(10 * maxCalls));
    expect(finishOf(answer)).toMatchObject({ finishReason: 'interrupted', messageMetadata: { status: 'interrupted' } });
    expect(stored).toEqual([{ status: 'interrupted', text: answer.text }]);
    expect(turn).toMatchObject({ state: 'interrupted', usage_estimated: true });
    expect(turn.output_tokens).toBeGreaterThanOrEqual(10 * maxCalls);
  });

  it('is gone on from by a bounded part once the answer has all the tokens it may have, and ends by length', async () => {
    const { answer, seen, turn } = await ask([{ tokens: 60, cut_after_tokens: 15 }, { tokens: 60 }], brief);
    expect(seen).toHaveLength(2);
    expect(answer.text.startsWith(counted(15))).toBe(true);
    expect(answer.text.split(' ').length).toBeLessThanOrEqual(15 + 4);
    expect(finishOf(answer)).toMatchObject({ finishReason: 'length', messageMetadata: { status: 'complete' } });
    expect(turn).toMatchObject({ state: 'completed', finish_reason: 'length', usage_estimated: true });
  });
});

describe('P6: calls of one turn', () => {
  it('are bounded over all its attempts, and counted as the model saw them', async () => {
    const text = marker();
    // Each call shows a word and breaks: neither a retry nor a take-over ever gets to the end.
    stack.model.scripts.add({ match: text, scripts: Array.from({ length: 30 }, () => ({ tokens: 90, cut_after_tokens: 1 })) });
    const first = await (await send(stack.url, tenant, { conversation: marker(), text })).finished();
    const id = turnIdOf(first);
    const owner = stack.app.get(Replica).id;
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      await expect.poll(() => turnRow(stack, id), { timeout: 15_000 }).toMatchObject({ state: 'interrupted', attempt });
      expect((await turnRow(stack, id)).model_calls).toBe(calls(stack, text).length);
      // As if the replica had died before it could record the end.
      await asSuperuser(stack.postgresUrl, stack.database, [
        `DELETE FROM messages WHERE id = (SELECT answer_message_id FROM turns WHERE id = '${id}')`,
        `UPDATE turns SET state = 'running', owner = '${owner}', started_at = now() - interval '11 seconds', finished_at = NULL,
           deadline_at = now() + interval '5 minutes' WHERE id = '${id}'`,
      ]);
    }
    await expect.poll(() => turnRow(stack, id), { timeout: 15_000 }).toMatchObject({ error_code: 'too_many_attempts' });
    expect(calls(stack, text)).toHaveLength(maxAttempts * maxCalls);
    expect((await turnRow(stack, id)).model_calls).toBe(maxAttempts * maxCalls);
  });
});
