import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uuidOf } from '../../src/kernel/ids.ts';
import type { Chunk } from '../../src/modules/chat/stream/chunks.ts';
import { redisKeys } from '../../src/platform/redis/index.ts';
import { Replica } from '../../src/platform/replicas/index.ts';
import { type AnswerStream, counted, resume, scripted, send, shownText } from '../support/event-stream.ts';
import { asSuperuser } from '../support/services.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';

let stack: TestStack;
let tenant: TestTenant;
beforeAll(async () => {
  stack = await testStack();
  tenant = await stack.tenant();
});
afterAll(() => stack.close());

let conversations = 0;
const newConversation = () => `lost-${(conversations += 1)}`;
const paced = (tokens: number) => scripted({ tokens, tokens_per_second: 100 });

/** Reads until `tokens` words are there; the stream stays open. */
async function readUntil(answer: AnswerStream, tokens: number): Promise<void> {
  const iterator = answer[Symbol.asyncIterator]();
  while (answer.text.split(' ').length < tokens) if ((await iterator.next()).done === true) throw new Error('the answer ended early');
}

/** Reads a conversation's newest answer to its end as a client does: resumes after its cursor whenever it is cut. */
async function readThrough(url: string, conversation: string): Promise<{ chunks: Chunk[]; cuts: number }> {
  let chunks: Chunk[] = [];
  let cursor: string | undefined;
  for (let cuts = 0; cuts < 20; cuts += 1) {
    const answer = await resume(url, tenant, conversation, cursor);
    if (answer === undefined) throw new Error('there is nothing to resume');
    try {
      for await (const event of answer) {
        // What does not follow the cursor is a replay from 0.
        if (event.sequence === 0) chunks = [];
        expect(event.sequence).toBe(chunks.length);
        chunks.push(event.chunk);
        ({ cursor } = event);
      }
      if (answer.done) return { chunks, cuts };
    } catch {
      // Cut: resume.
    }
  }
  throw new Error('the answer never ended');
}

function turnIdOf(answer: AnswerStream): string {
  return uuidOf('turn', answer.events[0]?.cursor.split(':')[0] ?? '') as string;
}

describe('P5: Redis may be flushed at any moment', () => {
  it('mid-answer: the reader sees every word once, and the log is back', async () => {
    const conversation = newConversation();
    const answer = await send(stack.url, tenant, { conversation, text: paced(80) });
    await readUntil(answer, 20);
    await stack.redis.flushdb();
    const whole = await readThrough(stack.url, conversation);
    expect(shownText(whole.chunks)).toBe(counted(80));
    expect(await stack.redis.exists(redisKeys.turnLog(tenant.tenantUuid, turnIdOf(answer)))).toBe(1);
  });

  it('mid-answer, three times over, the first reader included', async () => {
    const conversation = newConversation();
    const answer = await send(stack.url, tenant, { conversation, text: paced(80) });
    for (const tokens of [10, 30, 50]) {
      await readUntil(answer, tokens);
      await stack.redis.flushdb();
    }
    expect((await answer.finished()).text).toBe(counted(80));
    expect(answer.events.map(({ sequence }) => sequence)).toEqual(answer.events.map((_, at) => at));
  });

  it('after the end: the answer is replayed from Postgres under another epoch', async () => {
    const conversation = newConversation();
    const live = await (await send(stack.url, tenant, { conversation, text: scripted({ tokens: 30 }) })).finished();
    await stack.redis.flushdb();
    const replayed = await (await resume(stack.url, tenant, conversation, live.events.at(-2)?.cursor))?.finished();
    expect(replayed?.text).toBe(counted(30));
    expect(replayed?.events[0]?.sequence).toBe(0);
    expect(replayed?.events[0]?.cursor.split(':')[1]).not.toBe(live.events[0]?.cursor.split(':')[1]);
    // The replay can itself be resumed.
    const rest = await (await resume(stack.url, tenant, conversation, replayed?.events[1]?.cursor))?.finished();
    expect(rest?.events.map(({ chunk }) => chunk)).toEqual(replayed?.events.slice(2).map(({ chunk }) => chunk));
  });
});

describe('P10: another replica', () => {
  it('P3: shows the same chunks under the same numbers while the answer runs', async () => {
    const other = await stack.replica();
    const conversation = newConversation();
    const answer = await send(stack.url, tenant, { conversation, text: paced(60) });
    await readUntil(answer, 10);
    const [there, here] = await Promise.all([readThrough(other.url, conversation), answer.finished()]);
    expect(there.chunks).toEqual(here.events.map(({ chunk }) => chunk));
    expect(there.cuts).toBe(0);
    await other.stop();
  });

  it('stops an answer that runs elsewhere', async () => {
    const other = await stack.replica();
    const conversation = newConversation();
    const answer = await send(other.url, tenant, { conversation, text: scripted({ tokens: 901, tokens_per_second: 50 }) });
    await readUntil(answer, 3);
    await stack.request('POST', `/v1/chat/${conversation}/stop?bot_id=${tenant.botId}`, { token: tenant.apiKey });
    expect((await answer.finished()).last).toMatchObject({
      type: 'finish',
      finishReason: 'interrupted',
      messageMetadata: { status: 'stopped' },
    });
    expect(
      await stack.model.witness.waitFor(({ tokens_planned, outcome }) => tokens_planned === 901 && outcome === 'aborted_by_client'),
    ).toBeDefined();
    await other.stop();
  });

  it('P3: takes over from one that lost its lease, and the loser cannot write', async () => {
    const doomed = await stack.replica();
    const conversation = newConversation();
    stack.model.scripts.add({ match: 'take-over-marker', scripts: [{ tokens: 300, tokens_per_second: 50 }, { tokens: 300 }] });
    const answer = await send(doomed.url, tenant, { conversation, text: 'take-over-marker' });
    await readUntil(answer, 10);
    // It no longer counts as alive, but goes on streaming: a zombie.
    await doomed.app.get(Replica).stop();
    const whole = await readThrough(stack.url, conversation);
    expect(whole.chunks.filter(({ type }) => type === 'reset-step')).toEqual([]);
    expect(shownText(whole.chunks)).toBe(counted(300));
    expect(whole.chunks.filter(({ type }) => type === 'finish')).toHaveLength(1);
    // The loser's call was cancelled, and its readers were cut.
    expect(
      await stack.model.witness.waitFor(({ last_user, outcome }) => last_user === 'take-over-marker' && outcome === 'aborted_by_client'),
    ).toBeDefined();
    const { entries } = stack.model.witness.entries({ match: 'take-over-marker' });
    expect(entries).toHaveLength(2);
    await doomed.stop();
  });

  it('P5: writes the log of an answer that it took over again, when Redis is flushed after that', async () => {
    const doomed = await stack.replica();
    const conversation = newConversation();
    stack.model.scripts.add({
      match: 'over-and-flush-marker',
      scripts: [
        { tokens: 900, tokens_per_second: 5 },
        { tokens: 120, tokens_per_second: 50 },
      ],
    });
    const answer = await send(doomed.url, tenant, { conversation, text: 'over-and-flush-marker' });
    await readUntil(answer, 5);
    await doomed.app.get(Replica).stop();
    const first = await resume(stack.url, tenant, conversation);
    if (first === undefined) throw new Error('nothing to resume');
    // The first call is far too slow for this: here writes the second.
    await readUntil(first, 60);
    await stack.redis.flushdb();
    const other = await stack.replica();
    expect(shownText((await readThrough(other.url, conversation)).chunks)).toBe(counted(120));
    await Promise.all([doomed.stop(), other.stop()]);
  });

  it('reads a finished answer whose log was never sealed from Postgres', async () => {
    const conversation = newConversation();
    const live = await (await send(stack.url, tenant, { conversation, text: scripted({ tokens: 30 }) })).finished();
    // As if the owner had died between finishing in Postgres and sealing.
    await stack.redis.hset(redisKeys.turnLogState(tenant.tenantUuid, turnIdOf(live)), 'sealed', '0');
    const { chunks, cuts } = await readThrough(stack.url, conversation);
    expect(shownText(chunks)).toBe(counted(30));
    expect(cuts).toBeLessThanOrEqual(1);
  });

  it('takes up again what it owns without knowing it', async () => {
    const conversation = newConversation();
    const answer = await (await send(stack.url, tenant, { conversation, text: scripted({ tokens: 12 }) })).finished();
    // As if the answer to a COMMIT had been lost: the turn runs here by the database, and nobody runs it.
    const owner = stack.app.get(Replica).id;
    await asSuperuser(stack.postgresUrl, stack.database, [
      `DELETE FROM messages WHERE id = (SELECT answer_message_id FROM turns WHERE id = '${turnIdOf(answer)}')`,
      `UPDATE turns SET state = 'running', owner = '${owner}', started_at = now() - interval '11 seconds', finished_at = NULL,
         deadline_at = now() + interval '5 minutes' WHERE id = '${turnIdOf(answer)}'`,
    ]);
    await stack.redis.flushdb();
    expect(shownText((await readThrough(stack.url, conversation)).chunks)).toBe(counted(12));
  });

  it('hands running answers over when it drains', async () => {
    const leaving = await stack.replica({ DRAIN_TIMEOUT_MS: '0' });
    const conversation = newConversation();
    stack.model.scripts.add({ match: 'drain-marker', scripts: [{ tokens: 300, tokens_per_second: 50 }, { tokens: 300 }] });
    const answer = await send(leaving.url, tenant, { conversation, text: 'drain-marker' });
    await readUntil(answer, 5);
    await leaving.stop();
    expect(shownText((await readThrough(stack.url, conversation)).chunks)).toBe(counted(300));
  });

  it('finds the log gone with its producer: numbers start anew under another epoch', async () => {
    const doomed = await stack.replica({ DRAIN_TIMEOUT_MS: '0' });
    const conversation = newConversation();
    stack.model.scripts.add({ match: 'epoch-marker', scripts: [{ tokens: 900, tokens_per_second: 20 }, { tokens: 20 }] });
    const answer = await send(doomed.url, tenant, { conversation, text: 'epoch-marker' });
    await readUntil(answer, 3);
    const first = answer.events[0]?.cursor.split(':')[1];
    // Dead for good: neither heartbeat nor producer; then the log goes too.
    await doomed.stop();
    await stack.redis.flushdb();
    const { chunks } = await readThrough(stack.url, conversation);
    expect(shownText(chunks)).toBe(counted(20));
    expect((chunks[0] as { messageMetadata: { epoch: number } }).messageMetadata.epoch).toBeGreaterThan(Number(first));
  });
});
