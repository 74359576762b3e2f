import { randomUUID } from 'node:crypto';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../src/apps/server.main.ts';
import { maxAttempts } from '../../src/modules/chat/turn/turn-limits.ts';
import { uuidOf } from '../../src/kernel/ids.ts';
import type { Chunk } from '../../src/modules/chat/stream/chunks.ts';
import { redisKeys } from '../../src/platform/redis/index.ts';
import { Replica } from '../../src/platform/replicas/index.ts';
import { type AnswerStream, counted, resume, scripted, send } from '../support/event-stream.ts';
import { asSuperuser } from '../support/services.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';
import { storedAnswers, turnRow } from '../support/turn-rows.ts';
import { begun, calls, marker } from '../support/witness.ts';

let stack: TestStack;
/** Its bot's model can go on from a text; that of `other` cannot. */
let tenant: TestTenant;
let other: TestTenant;
beforeAll(async () => {
  stack = await testStack({ env: { MODEL_CONTINUES: 'demo-large', MODEL_IDLE_TIMEOUT_MS: '1500' } });
  tenant = await stack.tenant({ model: 'demo-large' });
  other = await stack.tenant({ model: 'demo-small' });
});
afterAll(() => stack.close());

const pace = { tokens_per_second: 50 };

/** Sends to a replica that soon loses its lease, and reads the answer on the first replica to its end. */
async function takenOver(of: TestTenant, text: string, scripts: object[]) {
  const doomed = await stack.replica();
  const conversation = marker();
  stack.model.scripts.add({ match: text, scripts: scripts as [] });
  const before = await send(doomed.url, of, { conversation, text });
  await readUntil(before, 10);
  await doomed.app.get(Replica).stop();
  const answer = await readThrough(of, conversation);
  await doomed.stop();
  return { answer, chunks: answer.events.map(({ chunk }) => chunk), turn: await turnRow(stack, turnIdOf(answer)) };
}

/** Reads until `words` words are there; the stream stays open. */
async function readUntil(answer: AnswerStream, words: number): Promise<void> {
  const iterator = answer[Symbol.asyncIterator]();
  while (answer.text.split(' ').length < words) if ((await iterator.next()).done === true) throw new Error('the answer ended early');
}

/** Follows the newest answer from its start to its end, anew after each cut. */
async function readThrough(of: TestTenant, conversation: string): Promise<AnswerStream> {
  for (let cuts = 0; cuts < 10; cuts += 1) {
    const answer = await resume(stack.url, of, conversation);
    await answer?.finished().catch(() => undefined);
    if (answer?.done === true) return answer;
  }
  throw new Error('the answer never ended');
}

function turnIdOf(answer: AnswerStream): string {
  return uuidOf('turn', answer.events[0]?.cursor.split(':')[0] ?? '') as string;
}

const kinds = (chunks: Chunk[], ...types: Chunk['type'][]) => chunks.filter(({ type }) => types.includes(type));
const finishOf = (chunks: Chunk[]) => chunks.at(-1) as Extract<Chunk, { type: 'finish' }>;

describe('P10: a take-over', () => {
  it('P3: goes on from what readers have, in the same part and without a seam', async () => {
    const text = marker();
    const { answer, chunks, turn } = await takenOver(tenant, text, [{ tokens: 300, ...pace }, { tokens: 300 }]);
    expect(answer.text).toBe(counted(300));
    expect(kinds(chunks, 'reset-step')).toEqual([]);
    expect(kinds(chunks, 'start', 'start-step', 'text-start', 'text-end', 'finish-step', 'finish').map(({ type }) => type)).toEqual([
      'start',
      'start-step',
      'text-start',
      'text-end',
      'finish-step',
      'finish',
    ]);
    expect(new Set(kinds(chunks, 'text-delta').map((chunk) => (chunk as { id: string }).id)).size).toBe(1);
    expect(await storedAnswers(stack, tenant, turn.id)).toEqual([{ status: 'complete', text: counted(300) }]);
    // The model was asked for the rest alone, and for no more than what the answer may still have.
    const [, second] = calls(stack, text).toSorted((a, b) => a.started_at.localeCompare(b.started_at));
    expect(second).toMatchObject({ continued_prefix: 'matched', outcome: 'complete' });
    const asked = second?.request as { messages: { role: string; content: string }[]; max_tokens: number };
    expect(counted(300).startsWith(asked.messages.at(-1)?.content ?? ' ')).toBe(true);
    expect(asked.max_tokens).toBeLessThan(1_024);
    // What the first call used is not known, so the sum is an estimate: at least what was served.
    expect(turn).toMatchObject({ state: 'completed', attempt: 2, model_calls: 2, usage_estimated: true });
    expect(turn.output_tokens).toBeGreaterThanOrEqual(300);
    expect(turn.input_tokens).toBeGreaterThan(second?.prompt_tokens ?? 0);
    expect(finishOf(chunks).messageMetadata.usage).toMatchObject({ estimated: true, output_tokens: turn.output_tokens });
  });

  it('begins anew, and says so, where the model cannot go on', async () => {
    const text = marker();
    const { answer, chunks, turn } = await takenOver(other, text, [{ tokens: 300, ...pace }, { tokens: 40 }]);
    expect(answer.text).toBe(counted(40));
    expect(kinds(chunks, 'reset-step')).toHaveLength(1);
    const parts = kinds(chunks, 'text-start').map((chunk) => (chunk as { id: string }).id);
    expect(new Set(parts).size).toBe(2);
    expect(calls(stack, text).map(({ continued_prefix }) => continued_prefix)).toEqual([null, null]);
    expect(turn).toMatchObject({ state: 'completed', attempt: 2, model_calls: 2, usage_estimated: true });
  });

  it('begins anew, within the same attempt, where the provider refuses to go on although it is said to', async () => {
    const text = marker();
    const { answer, chunks, turn } = await takenOver(tenant, text, [{ tokens: 300, ...pace }, { status: 400 }, { tokens: 40 }]);
    expect(answer.text).toBe(counted(40));
    expect(kinds(chunks, 'reset-step')).toHaveLength(1);
    expect(calls(stack, text)).toHaveLength(3);
    expect(turn).toMatchObject({ state: 'completed', attempt: 2, model_calls: 3 });
  });

  it('goes on with an open step that holds no text yet', async () => {
    const doomed = await stack.replica({ DRAIN_TIMEOUT_MS: '0' });
    const [conversation, text] = [marker(), marker()];
    stack.model.scripts.add({ match: text, scripts: [{ tokens: 9, header_delay_ms: 20_000 }, { tokens: 9 }] });
    await send(doomed.url, tenant, { conversation, text });
    await begun(stack, text);
    await doomed.stop();
    const answer = await readThrough(tenant, conversation);
    const chunks = answer.events.map(({ chunk }) => chunk);
    expect(answer.text).toBe(counted(9));
    expect(kinds(chunks, 'start', 'start-step', 'reset-step').map(({ type }) => type)).toEqual(['start', 'start-step']);
  });

  it('P8: keeps what was shown when nobody may try again', async () => {
    const doomed = await stack.replica();
    const [conversation, text] = [marker(), marker()];
    stack.model.scripts.add({ match: text, scripts: [{ tokens: 300, ...pace }] });
    const before = await send(doomed.url, tenant, { conversation, text });
    await readUntil(before, 10);
    const id = turnIdOf(before);
    // As if more replicas had died over it, one after the other.
    await asSuperuser(stack.postgresUrl, stack.database, [
      `UPDATE turns SET attempt = ${maxAttempts}, runs = ${maxAttempts} WHERE id = '${id}'`,
    ]);
    await doomed.app.get(Replica).stop();
    const answer = await readThrough(tenant, conversation);
    expect(answer.last).toMatchObject({ type: 'finish', finishReason: 'interrupted', messageMetadata: { status: 'interrupted' } });
    expect(answer.text.length).toBeGreaterThan(20);
    expect(counted(300).startsWith(answer.text)).toBe(true);
    expect(await turnRow(stack, id)).toMatchObject({ state: 'interrupted', error_code: 'too_many_attempts', attempt: maxAttempts + 1 });
    expect(await storedAnswers(stack, tenant, id)).toEqual([{ status: 'interrupted', text: answer.text }]);
    await doomed.stop();
  });

  it('P5: begins under another epoch where the log was ended by an attempt that Postgres has forgotten', async () => {
    const conversation = marker();
    const live = await (await send(stack.url, tenant, { conversation, text: scripted({ tokens: 12 }) })).finished();
    const id = turnIdOf(live);
    // As a standby that missed the last transaction has it.
    await asSuperuser(stack.postgresUrl, stack.database, [
      `DELETE FROM messages WHERE id = (SELECT answer_message_id FROM turns WHERE id = '${id}')`,
      `UPDATE turns SET state = 'running', owner = '${randomUUID()}', finished_at = NULL WHERE id = '${id}'`,
    ]);
    await expect.poll(async () => (await turnRow(stack, id)).state, { timeout: 10_000 }).toBe('completed');
    const answer = await readThrough(tenant, conversation);
    expect(answer.text).toBe(counted(12));
    expect(Number(answer.events[0]?.cursor.split(':')[1])).toBeGreaterThan(Number(live.events[0]?.cursor.split(':')[1]));
    expect(await stack.redis.exists(redisKeys.turnLog(tenant.tenantUuid, id))).toBe(1);
  });
});

describe('P10: an OpenAI stream through a take-over', () => {
  /** A caller on the first replica joins a completion that runs on another one, which then loses its lease. */
  async function streamed(of: TestTenant, scripts: object[]): Promise<string> {
    const doomed: RunningServer = await stack.replica();
    const [text, key] = [marker(), randomUUID()];
    stack.model.scripts.add({ match: text, scripts: scripts as [] });
    const ask = { model: of.botId, messages: [{ role: 'user' as const, content: text }], stream: true as const };
    const on = (url: string) => new OpenAI({ baseURL: `${url}/v1`, apiKey: of.apiKey, maxRetries: 0 });
    const options = { headers: { 'Idempotency-Key': key } };
    const first = await on(doomed.url).chat.completions.create(ask, options);
    const joined = await on(stack.url).chat.completions.create(ask, options);
    let shown = '';
    try {
      for await (const { choices } of joined) {
        shown += choices[0]?.delta.content ?? '';
        if (shown.length > 30 && !first.controller.signal.aborted) {
          first.controller.abort();
          await doomed.app.get(Replica).stop();
        }
      }
      return shown;
    } finally {
      await doomed.stop();
    }
  }

  it('goes on where the model can', async () => {
    expect(await streamed(tenant, [{ tokens: 300, ...pace }, { tokens: 300 }])).toBe(counted(300));
  });

  it('P8: ends with an error where it cannot: words that were given out cannot be taken back', async () => {
    await expect(streamed(other, [{ tokens: 300, ...pace }, { tokens: 40 }])).rejects.toThrow(/began anew/);
  });
});
