import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { uuidOf } from '../../src/kernel/ids.ts';
import { PlanLimits } from '../../src/modules/plans/index.ts';
import { counted, resume, scripted, send } from '../support/event-stream.ts';
import { urlAs } from '../support/services.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';

let stack: TestStack;
let tenant: TestTenant;
beforeAll(async () => {
  stack = await testStack({ env: { MODEL_IDLE_TIMEOUT_MS: '1000', CHAT_MAX_WAITING_TURNS: '2' } });
  tenant = await stack.tenant();
});
afterAll(() => stack.close());

let conversations = 0;
const newConversation = () => `conversation-${(conversations += 1)}`;

async function messagesOf(conversationId: string) {
  const { body } = await stack.request('GET', `/v1/conversations/${conversationId}/messages`, { token: tenant.apiKey });
  return (body.data as { role: string; status: string; parts: { text: string }[] }[]).map(({ role, status, parts }) => [
    role,
    status,
    parts[0]?.text,
  ]);
}

async function turnsOf(
  conversation: string,
): Promise<{ state: string; attempt: number; model_calls: number; usage_estimated: boolean; output_tokens: number }[]> {
  const client = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.database) });
  await client.connect();
  try {
    const { rows } = await client.query('SELECT * FROM turns WHERE tenant_id = $1 AND conversation_id = $2 ORDER BY answer_position', [
      tenant.tenantUuid,
      conversation,
    ]);
    return rows;
  } finally {
    await client.end();
  }
}

function conversationIdOf(answer: { events: { chunk: unknown }[] }): string {
  return (answer.events[0]?.chunk as { messageMetadata: { conversation_id: string } }).messageMetadata.conversation_id;
}

/** The prompt of the newest model call. */
async function lastPrompt(marker: string): Promise<{ role: string; content: string }[]> {
  const entry = await stack.model.witness.waitFor(({ last_user }) => last_user.includes(marker));
  return (entry?.request as { messages: { role: string; content: string }[] }).messages;
}

describe('P1: an acknowledged message is committed', () => {
  it('is not acknowledged before Postgres has it', async () => {
    const blocker = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.database) });
    await blocker.connect();
    await blocker.query('BEGIN; LOCK TABLE turns IN EXCLUSIVE MODE');
    let acknowledged = false;
    const answer = send(stack.url, tenant, { conversation: newConversation() }).finally(() => {
      acknowledged = true;
    });
    const waiting = `SELECT 1 FROM pg_locks WHERE relation = 'turns'::regclass AND NOT granted`;
    await expect.poll(async () => (await blocker.query(waiting)).rowCount).toBeGreaterThan(0);
    expect(acknowledged).toBe(false);
    await blocker.query('COMMIT');
    await blocker.end();
    expect((await (await answer).finished()).done).toBe(true);
  });

  it('refuses without a trace when the commit fails', async () => {
    const foreign = { ...tenant, botId: 'bot_00000000000000000000000000' };
    await expect(send(stack.url, foreign, { conversation: newConversation() })).rejects.toMatchObject({ status: 404 });
  });
});

describe('the conversation', () => {
  it('gives the bot’s instructions and the history to the model, whatever history the client claims', async () => {
    const conversation = newConversation();
    await (await send(stack.url, tenant, { conversation, text: scripted({ text: 'Blue.' }, 'My colour is blue.') })).finished();
    const second = await send(stack.url, tenant, { conversation, text: 'history-marker-1' });
    await second.finished();
    const prompt = await lastPrompt('history-marker-1');
    expect(prompt[0]?.content).toMatch(/^<instructions ref="\w+">\nBe brief\.\n<\/instructions>\n<rules-/);
    expect(prompt.map(({ role, content }) => [role, content.replace(/ \[\[.*/, '')])).toEqual([
      ['system', prompt[0]?.content],
      ['user', 'My colour is blue.'],
      ['assistant', 'Blue.'],
      ['user', 'history-marker-1'],
    ]);
  });

  it('drops the oldest messages when the window is full, and keeps the newest', async () => {
    const conversation = newConversation();
    const long = 'word '.repeat(2_500);
    for (let at = 0; at < 5; at += 1) {
      await (await send(stack.url, tenant, { conversation, text: scripted({ text: 'ok' }, `number-${at} ${long}`) })).finished();
    }
    await (await send(stack.url, tenant, { conversation, text: 'history-marker-2' })).finished();
    const prompt = await lastPrompt('history-marker-2');
    const kept = prompt.filter(({ role }) => role === 'user').map(({ content }) => content.slice(0, 8));
    expect(prompt[0]).toMatchObject({ role: 'system', content: expect.stringContaining('\nBe brief.\n') });
    expect(kept.slice(-2)).toEqual(['number-4', 'history-']);
    expect(kept).not.toContain('number-0');
  });

  it('keeps one answer per question after a regenerate', async () => {
    const conversation = newConversation();
    const question = { conversation, messageId: 'q1', text: scripted({ text: 'answer' }, 'regenerate-me') };
    const first = await (await send(stack.url, tenant, question)).finished();
    const again = await (await send(stack.url, tenant, { ...question, trigger: 'regenerate-message' })).finished();
    expect(again.events[0]?.cursor.split(':')[0]).not.toBe(first.events[0]?.cursor.split(':')[0]);
    expect(await messagesOf(conversationIdOf(again))).toEqual([
      ['user', 'complete', question.text],
      ['assistant', 'complete', 'answer'],
    ]);
  });

  it('regenerates a question that the client knows from us, by our id', async () => {
    const conversation = newConversation();
    const first = await (await send(stack.url, tenant, { conversation, text: scripted({ text: 'answer' }, 'known-by-our-id') })).finished();
    const id = conversationIdOf(first);
    const { body } = await stack.request('GET', `/v1/conversations/${id}/messages`, { token: tenant.apiKey });
    const [question] = body.data as { id: string; parts: { text: string }[] }[];
    const asked = { conversation: id, messageId: question?.id ?? '', text: question?.parts[0]?.text ?? '' };
    await (await send(stack.url, tenant, { ...asked, trigger: 'regenerate-message' })).finished();
    expect((await messagesOf(id)).map(([role]) => role)).toEqual(['user', 'assistant']);
  });

  it('replaces question and answer after an edit, and refuses other text that is none', async () => {
    const conversation = newConversation();
    await (await send(stack.url, tenant, { conversation, messageId: 'q1', text: scripted({ text: 'one' }, 'first') })).finished();
    const edited = { conversation, messageId: 'q1', text: scripted({ text: 'two' }, 'second') };
    await expect(send(stack.url, tenant, edited)).rejects.toMatchObject({ status: 409, body: { code: 'message_conflict' } });
    const answer = await (await send(stack.url, tenant, { ...edited, target: 'q1' })).finished();
    expect(await messagesOf(conversationIdOf(answer))).toEqual([
      ['user', 'complete', edited.text],
      ['assistant', 'complete', 'two'],
    ]);
  });

  it.each(['edit', 'regenerate'] as const)('stops an answer that an %s replaces, and leaves nothing of it', async (kind) => {
    const conversation = newConversation();
    const question = { conversation, messageId: 'q1', text: scripted({ tokens: 900, tokens_per_second: 50 }, 'slow') };
    const first = await send(stack.url, tenant, question);
    for await (const { chunk } of first) if (chunk.type === 'text-delta') break;
    await stack.request('POST', '/v1/bots', { token: tenant.accessToken, body: { name: 'Other' } });
    const other = { ...question, text: scripted({ text: 'two' }, 'second'), target: 'q1' };
    const again = {
      ...question,
      trigger: 'regenerate-message' as const,
      target: first.events[0]?.chunk.type === 'start' ? first.events[0].chunk.messageId : '',
    };
    const answer = await send(stack.url, tenant, kind === 'edit' ? other : again);
    await first.finished();
    expect(first.last).toMatchObject({ finishReason: 'interrupted', messageMetadata: { status: 'stopped' } });
    if (kind === 'regenerate')
      await stack.request('POST', `/v1/chat/${conversation}/stop?bot_id=${tenant.botId}`, { token: tenant.apiKey });
    await answer.finished();
    const texts = await messagesOf(conversationIdOf(first));
    expect(texts.map(([role]) => role)).toEqual(kind === 'edit' || texts.length === 2 ? ['user', 'assistant'] : ['user']);
    expect(texts[0]?.[2]).toBe(kind === 'edit' ? other.text : question.text);
  });

  it('answers messages one after the other, and bounds how many wait', async () => {
    const conversation = newConversation();
    const slow = await send(stack.url, tenant, { conversation, text: scripted({ tokens: 40, tokens_per_second: 100 }) });
    const second = await send(stack.url, tenant, { conversation, text: scripted({ text: 'second' }) });
    const third = await send(stack.url, tenant, { conversation, text: scripted({ text: 'third' }) });
    await expect(send(stack.url, tenant, { conversation })).rejects.toMatchObject({ status: 429, body: { code: 'too_many_waiting' } });
    expect((await slow.finished()).text).toBe(counted(40));
    expect((await second.finished()).text).toBe('second');
    expect((await third.finished()).text).toBe('third');
    const texts = (await messagesOf(conversationIdOf(slow))).map(([, , text]) => text).filter((text) => !text?.includes('[['));
    expect(texts).toEqual([counted(40), 'second', 'third']);
  });

  it('P6: a turn that a gate refuses leaves nothing behind, and a copy of one that passed passes no gate again', async () => {
    const conversation = newConversation();
    const slow = await send(stack.url, tenant, { conversation, text: scripted({ tokens: 40, tokens_per_second: 100 }) });
    const waiting = { conversation, messageId: 'waits-1', text: scripted({ text: 'one' }) };
    const first = await send(stack.url, tenant, waiting);
    const second = await send(stack.url, tenant, { conversation, text: scripted({ text: 'two' }) });
    await expect(send(stack.url, tenant, { conversation })).rejects.toMatchObject({ body: { code: 'too_many_waiting' } });
    const copy = await send(stack.url, tenant, waiting);
    await Promise.all([slow, first, second, copy].map((answer) => answer.finished()));
    expect(copy.events).toEqual(first.events);
    const id = uuidOf('conversation', conversationIdOf(slow)) as string;
    expect(await turnsOf(id)).toHaveLength(3);
    expect(await messagesOf(conversationIdOf(slow))).toHaveLength(6);
  });

  it('takes its answers and logs along when it is deleted', async () => {
    const conversation = newConversation();
    const answer = await send(stack.url, tenant, { conversation, text: scripted({ tokens: 1_000, tokens_per_second: 50 }) });
    for await (const { chunk } of answer) if (chunk.type === 'text-delta') break;
    const id = conversationIdOf(answer);
    expect((await stack.request('DELETE', `/v1/conversations/${id}`, { token: tenant.accessToken })).status).toBe(204);
    const entry = await stack.model.witness.waitFor(
      ({ outcome, tokens_planned }) => outcome === 'aborted_by_client' && tokens_planned === 1_000,
    );
    expect(entry).toBeDefined();
    await expect
      .poll(() =>
        stack.redis.keys(`*${tenant.tenantUuid}*turn*`).then((keys) => keys.filter((key) => key.includes(answer.events[0]?.cursor ?? 'x'))),
      )
      .toEqual([]);
    expect((await stack.request('GET', `/v1/conversations/${id}`, { token: tenant.apiKey })).status).toBe(404);
  });
});

describe('P8: what the model does not finish is not shown as finished', () => {
  it('keeps the partial answer as interrupted', async () => {
    const conversation = newConversation();
    stack.model.scripts.add({ match: 'cut-marker', scripts: [{ tokens: 50, cut_after_tokens: 20 }, { status: 500 }, { status: 500 }] });
    const answer = await (await send(stack.url, tenant, { conversation, text: 'cut-marker' })).finished();
    expect(answer.last).toMatchObject({ type: 'finish', finishReason: 'interrupted', messageMetadata: { status: 'interrupted' } });
    expect(answer.text).toBe(counted(20));
    const [, stored] = await messagesOf(conversationIdOf(answer));
    expect(stored).toEqual(['assistant', 'interrupted', counted(20)]);
  });

  it('tries again while nothing was shown, a bounded number of times, and counts the calls', async () => {
    const conversation = newConversation();
    stack.model.scripts.add({ match: 'retry-marker', scripts: [{ status: 500 }, { status: 429, retry_after: 0 }] });
    const answer = await (await send(stack.url, tenant, { conversation, text: scripted({ tokens: 5 }, 'retry-marker') })).finished();
    expect(answer.text).toBe(counted(5));
    expect(stack.model.witness.entries({ match: 'retry-marker' }).entries).toHaveLength(3);
    const id = conversationIdOf(answer);
    expect(await turnsOf(uuidOf('conversation', id) as string)).toMatchObject([
      { state: 'completed', attempt: 1, model_calls: 3, usage_estimated: false, output_tokens: 5 },
    ]);
  });

  it('ends with an error when the provider keeps failing', async () => {
    const answer = await (await send(stack.url, tenant, { conversation: newConversation(), text: scripted({ status: 503 }) })).finished();
    expect(answer.last?.type).toBe('error');
    expect(JSON.parse((answer.last as { errorText: string }).errorText)).toMatchObject({ code: 'model_error', status: 502 });
  });

  it('replays a failed turn as failed', async () => {
    const conversation = newConversation();
    await (await send(stack.url, tenant, { conversation, text: scripted({ status: 400 }) })).finished();
    await stack.redis.flushdb();
    const replayed = await (await resume(stack.url, tenant, conversation))?.finished();
    expect(JSON.parse((replayed?.last as { errorText: string }).errorText)).toMatchObject({ code: 'model_request' });
  });

  it('stops for real, and says so', async () => {
    const conversation = newConversation();
    const answer = await send(stack.url, tenant, { conversation, text: scripted({ tokens: 900, tokens_per_second: 50 }) });
    for await (const { chunk } of answer) {
      if (chunk.type !== 'text-delta') continue;
      await stack.request('POST', `/v1/chat/${conversation}/stop?bot_id=${tenant.botId}`, { token: tenant.apiKey });
      break;
    }
    const replayed = await (await resume(stack.url, tenant, conversation))?.finished();
    expect(replayed?.last).toMatchObject({ type: 'finish', finishReason: 'interrupted', messageMetadata: { status: 'stopped' } });
    expect(
      await stack.model.witness.waitFor(({ outcome, tokens_planned }) => outcome === 'aborted_by_client' && tokens_planned === 900),
    ).toBeDefined();
  });
});

/** Statements by the transaction that they were sent in, without its beginning and end. */
function transactionsOf(statements: string[]): string[][] {
  const all: string[][] = [];
  for (const sql of statements) {
    if (sql.startsWith('BEGIN')) all.push([]);
    else if (sql !== 'COMMIT') all.at(-1)?.push(sql);
  }
  return all;
}

/**
 * A credential, a plan, a bot or the routes of a tenant are looked up again every few seconds, whoever asks: that is no part of a turn. Such a look-up
 * is a transaction of its own, which says whose rows it may see and reads once.
 */
function isLookUp(transaction: string[]): boolean {
  const [only, ...others] = transaction.filter((sql) => !sql.includes('set_config'));
  return only !== undefined && others.length === 0 && /^\s*SELECT\b[^;]*\bFROM (api_keys|tenants|bots|model_routes)\b/s.test(only);
}

describe('the hot path', () => {
  it.each(['enterprise', 'pro'])('takes at most 4 Postgres transactions and 12 statements a turn on the plan %s', async (plan) => {
    const inTenant = (sql: string, values: unknown[]) => stack.db.forTenant(tenant.tenantUuid, (tx) => tx.query(sql, values));
    await inTenant('INSERT INTO tenant_plans (tenant_id, plan_id) VALUES ($1, $2) ON CONFLICT (tenant_id) DO UPDATE SET plan_id = $2', [
      tenant.tenantUuid,
      plan,
    ]);
    const plans = stack.app.get(PlanLimits);
    await vi.waitFor(async () => expect((await plans.of(tenant.tenantUuid)).plan).toBe(plan), { timeout: 8_000, interval: 50 });
    await (await send(stack.url, tenant, { conversation: newConversation() })).finished();
    const superuser = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.database) });
    await superuser.connect();
    let statements: string[] = [];
    const turns: string[][][] = [];
    const original = pg.Client.prototype.query;
    // Counts what the pool for tenant work is given; heartbeats and look-ups of the system role are not the turn's.
    pg.Client.prototype.query = function counting(this: pg.Client, ...args: unknown[]) {
      const { application_name: name } = (this as unknown as { connectionParameters: { application_name?: string } }).connectionParameters;
      const { statements: together } = args[0] as { statements?: { sql: string }[] };
      if (name === 'parley-tenant') statements.push(...(together ?? [{ sql: String(args[0]) }]).map(({ sql }) => sql));
      return (original as (...all: unknown[]) => unknown).apply(this, args);
    } as typeof original;
    try {
      for (let turn = 0; turn < 5; turn += 1) {
        // The first message of a visitor's day has no counter to find.
        await superuser.query('DELETE FROM usage_counters WHERE subject <> tenant_id');
        statements = [];
        const answer = await (
          await send(stack.url, tenant, { conversation: newConversation(), text: scripted({ tokens: 100 }) })
        ).finished();
        expect(answer.done).toBe(true);
        turns.push(transactionsOf(statements));
      }
    } finally {
      pg.Client.prototype.query = original;
      await superuser.end();
    }
    for (const turn of turns) {
      const own = turn.filter((transaction) => !isLookUp(transaction));
      expect(own.length).toBeGreaterThan(0);
      expect(own.length).toBeLessThanOrEqual(4);
      expect(own.flat().length).toBeLessThanOrEqual(12);
    }
  });
});
