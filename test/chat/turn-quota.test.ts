import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PlanLimits } from '../../src/modules/plans/index.ts';
import { scripted, send } from '../support/event-stream.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await testStack({ env: { MODEL_IDLE_TIMEOUT_MS: '1000', MODEL_MAX_OUTPUT_TOKENS: '100' } });
});
afterAll(() => stack.close());

interface LedgerRow {
  call: number;
  state: string;
  outcome: string;
  input_tokens: number;
  output_tokens: number;
  reserved_input: number;
  reserved_output: number;
  estimated: boolean;
  api_key_id: string | null;
}

const plenty = { tokens_per_month: 100_000, messages_per_month: 10 };
/** Tenants that are made together: a plan's change takes some seconds to hold. */
const limits = {
  exact: plenty,
  cut: plenty,
  'without usage': plenty,
  'with a usage of nothing': plenty,
  refused: plenty,
  failing: plenty,
  'given up': plenty,
  'few messages': { messages_per_month: 3 },
  'few tokens': { tokens_per_month: 900 },
  none: { messages_per_month: 0 },
  one: { messages_per_month: 1 },
  tiny: { tokens_per_month: 50 },
  'one at once': { turns_at_once: 1 },
};
const tenants = new Map<string, TestTenant>();
const tenantOf = (name: keyof typeof limits): TestTenant => tenants.get(name) as TestTenant;
beforeAll(async () => {
  for (const [name, overrides] of Object.entries(limits)) tenants.set(name, await limited(overrides, false));
  for (const [name, overrides] of Object.entries(limits)) await inForce(tenantOf(name as keyof typeof limits), overrides);
}, 30_000);

async function inForce(tenant: TestTenant, overrides: Record<string, number>): Promise<void> {
  const plans = stack.app.get(PlanLimits);
  await vi.waitFor(async () => expect((await plans.of(tenant.tenantUuid)).limits).toEqual(overrides), { timeout: 8_000, interval: 50 });
}

async function limited(overrides: Record<string, number>, wait = true): Promise<TestTenant> {
  const tenant = await stack.tenant();
  await stack.db.forTenant(tenant.tenantUuid, (tx) =>
    tx.query(`INSERT INTO tenant_plans (tenant_id, plan_id, overrides) VALUES ($1, 'enterprise', $2)`, [
      tenant.tenantUuid,
      JSON.stringify(overrides),
    ]),
  );
  if (wait) await inForce(tenant, overrides);
  return tenant;
}

async function rowsOf<T>(tenant: TestTenant, sql: string): Promise<T[]> {
  return stack.db.forTenant(tenant.tenantUuid, async (tx) => (await tx.query(sql, [tenant.tenantUuid])).rows as T[]);
}
const ledgerOf = (tenant: TestTenant) =>
  rowsOf<LedgerRow>(tenant, 'SELECT * FROM provider_calls WHERE tenant_id = $1 ORDER BY created_at, call');
const counterOf = async (tenant: TestTenant) =>
  (
    await rowsOf<{ messages: number; tokens: number; reserved: number }>(
      tenant,
      `SELECT sum(messages)::int AS messages, sum(tokens)::int AS tokens, sum(tokens_reserved)::int AS reserved FROM usage_counters\n       WHERE tenant_id = $1 AND subject = $1`,
    )
  )[0];
/** The model's own count of what it served for a marker. */
async function servedFor(marker: string): Promise<{ input: number; output: number; calls: number }> {
  await stack.model.witness.waitFor(({ last_user }) => last_user.includes(marker));
  const { entries } = stack.model.witness.entries({ match: marker, limit: 10_000 });
  const served = entries.filter(({ status }) => status === 200);
  return {
    input: served.reduce((sum, entry) => sum + entry.prompt_tokens, 0),
    output: served.reduce((sum, entry) => sum + entry.tokens_served, 0),
    calls: entries.length,
  };
}
let conversations = 0;
const ask = async (tenant: TestTenant, script: object, marker: string, conversation = `quota-${(conversations += 1)}`) =>
  (await send(stack.url, tenant, { conversation, text: scripted(script, marker) })).finished();

describe('P6: what an answer books', () => {
  it('is the provider’s own count, exactly, and one message', async () => {
    const tenant = tenantOf('exact');
    await ask(tenant, { tokens: 20 }, 'exact-marker');
    const served = await servedFor('exact-marker');
    expect(await ledgerOf(tenant)).toMatchObject([
      { call: 1, state: 'settled', outcome: 'stop', input_tokens: served.input, output_tokens: 20, estimated: false },
    ]);
    expect((await ledgerOf(tenant))[0]?.api_key_id).not.toBeNull();
    expect(await counterOf(tenant)).toEqual({ messages: 1, tokens: served.input + 20, reserved: 0 });
  });

  it.each<[keyof typeof limits, object]>([
    ['cut', { tokens: 50, cut_after_tokens: 10 }],
    ['without usage', { tokens: 20, usage: 'missing' }],
    ['with a usage of nothing', { tokens: 20, usage: 'zero' }],
  ])('is at least what was served and at most what was reserved when the answer is %s', async (name, script) => {
    const tenant = tenantOf(name);
    const marker = `estimated-${name.replaceAll(' ', '-')}`;
    await ask(tenant, script, marker).catch(() => undefined);
    await expect.poll(async () => (await counterOf(tenant))?.reserved).toBe(0);
    const served = await servedFor(marker);
    const ledger = await ledgerOf(tenant);
    expect(ledger).toHaveLength(served.calls);
    for (const row of ledger.filter(({ estimated }) => estimated)) {
      expect(row.input_tokens).toBeLessThanOrEqual(row.reserved_input);
      expect(row.output_tokens).toBeLessThanOrEqual(row.reserved_output);
    }
    const booked = ledger.reduce((sum, row) => sum + row.input_tokens + row.output_tokens, 0);
    expect(booked).toBeGreaterThanOrEqual(served.input + served.output);
    expect(await counterOf(tenant)).toMatchObject({ tokens: booked });
  });

  it('is nothing for calls that the provider refused, and a row for each', async () => {
    const tenant = tenantOf('refused');
    stack.model.scripts.add({ match: 'refused-marker', scripts: [{ status: 500 }, { status: 429 }, { tokens: 5 }] });
    await (await send(stack.url, tenant, { conversation: 'refused', text: 'refused-marker' })).finished();
    expect((await ledgerOf(tenant)).map(({ call, outcome, output_tokens }) => [call, outcome, output_tokens])).toEqual([
      [1, 'server_error', 0],
      [2, 'throttled', 0],
      [3, 'stop', 5],
    ]);
    expect(await counterOf(tenant)).toMatchObject({ messages: 1, reserved: 0 });
  });

  it('gives a message back that got no answer at all', async () => {
    const tenant = tenantOf('failing');
    stack.model.scripts.add({ match: 'failing-marker', scripts: Array.from({ length: 9 }, () => ({ status: 400 })) });
    await (await send(stack.url, tenant, { conversation: 'failing', text: 'failing-marker' })).finished().catch(() => undefined);
    await expect.poll(async () => (await counterOf(tenant))?.messages).toBe(0);
  });
});

describe('P6: a question that was given up', () => {
  it('counts while it can be tried again, and is given back once when it is replaced', async () => {
    const tenant = tenantOf('given up');
    const conversation = 'given-up';
    const question = { conversation, messageId: 'q1', text: 'given-up-marker' };
    stack.model.scripts.add({ match: 'given-up-marker', scripts: Array.from({ length: 3 }, () => ({ status: 400 })) });
    await (await send(stack.url, tenant, question)).finished().catch(() => undefined);
    await expect.poll(async () => (await counterOf(tenant))?.messages).toBe(0);
    // As it is after an operator's limit of tries: it counts.
    const giveUp = async () => {
      await rowsOf(tenant, `UPDATE turns SET given_up_at = CASE WHEN replaced_at IS NULL THEN now() END WHERE tenant_id = $1`);
      await rowsOf(tenant, `UPDATE usage_counters SET messages = CASE slot WHEN 0 THEN 1 ELSE 0 END WHERE tenant_id = $1`);
    };
    await giveUp();
    stack.model.scripts.add({ match: 'given-up-marker', scripts: Array.from({ length: 3 }, () => ({ status: 400 })) });
    await (await send(stack.url, tenant, { ...question, trigger: 'regenerate-message' })).finished().catch(() => undefined);
    await expect.poll(async () => (await counterOf(tenant))?.messages).toBe(0);
    await giveUp();
    stack.model.scripts.clear();
    expect((await (await send(stack.url, tenant, { ...question, trigger: 'regenerate-message' })).finished()).done).toBe(true);
    expect(await counterOf(tenant)).toMatchObject({ messages: 1, reserved: 0 });
  });
});

describe('P6: a provider that lies', () => {
  it('about how much it counted is booked as what was reserved, and the turn ends', async () => {
    const text = 'lying-marker';
    const event = { choices: [], usage: { prompt_tokens: 3_000_000_000, completion_tokens: 5 } };
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const chunk = { choices: [{ index: 0, delta: { content: 'Hello' }, finish_reason: null }] };
      const last = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] };
      response.end([chunk, last, event].map((each) => `data: ${JSON.stringify(each)}\n\n`).join('') + 'data: [DONE]\n\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const liar = await testStack({ env: { OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`, MODEL_MAX_OUTPUT_TOKENS: '100' } });
    try {
      const other = await liar.tenant();
      expect((await (await send(liar.url, other, { conversation: 'lies', text })).finished()).text).toBe('Hello');
      const ledger = await liar.db.forTenant(other.tenantUuid, async (tx) => (await tx.query('SELECT * FROM provider_calls', [])).rows);
      expect(ledger).toMatchObject([{ state: 'settled', estimated: true, output_tokens: 100 }]);
    } finally {
      await liar.close();
      server.close();
    }
  });
});

describe('P6: a limit', () => {
  it('of messages is exact, and says what refused and when it begins anew', async () => {
    const tenant = tenantOf('few messages');
    const asked = await Promise.allSettled(Array.from({ length: 12 }, (_, at) => ask(tenant, { tokens: 3 }, `messages-marker-${at}`)));
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    const refusal = asked.find((each) => each.status === 'rejected');
    expect(refusal?.reason).toMatchObject({ status: 429, body: { code: 'quota_exceeded', limit: 'messages_per_month' } });
    const problem = (refusal?.reason as { body: { resets_at: string } }).body;
    expect(new Date(problem.resets_at).getUTCDate()).toBe(1);
    expect(stack.model.witness.entries({ match: 'messages-marker', limit: 100 }).entries).toHaveLength(3);
  });

  it('of tokens is never passed', async () => {
    const tenant = tenantOf('few tokens');
    const asked = await Promise.allSettled(Array.from({ length: 12 }, () => ask(tenant, { tokens: 100 }, 'tokens-marker')));
    for (let more = 0; more < 12; more += 1) asked.push(...(await Promise.allSettled([ask(tenant, { tokens: 100 }, 'tokens-marker')])));
    const refused = asked.filter((each) => each.status === 'rejected');
    expect(refused.length).toBeGreaterThan(12);
    for (const { reason } of refused) expect(reason).toMatchObject({ status: 429, body: { limit: 'tokens_per_month' } });
    const served = await servedFor('tokens-marker');
    expect(served.calls).toBe(asked.length - refused.length);
    expect(served.input + served.output).toBeLessThanOrEqual(900);
    expect(await counterOf(tenant)).toEqual({ messages: served.calls, tokens: served.input + served.output, reserved: 0 });
  });

  it('of tokens shortens the last answer to what is left', async () => {
    const [first, second] = ['shortened-marker-1', 'shortened-marker-2'];
    const measured = await stack.tenant();
    await ask(measured, { tokens: 100 }, 'shortened-marker-0');
    const [{ reserved_input: input } = { reserved_input: 0 }] = await ledgerOf(measured);
    const tenant = await limited({ tokens_per_month: input + 40 });
    const answer = await ask(tenant, { tokens: 100 }, first);
    expect(answer.last).toMatchObject({ type: 'finish', finishReason: 'length' });
    expect(await servedFor(first)).toMatchObject({ output: 40 });
    await expect(ask(tenant, { tokens: 100 }, second)).rejects.toMatchObject({ status: 429 });
  });

  it('of turns at once refuses the next one, but neither a copy of one that runs nor anybody after it', async () => {
    const tenant = tenantOf('one at once');
    const running = {
      conversation: 'at-once',
      messageId: 'first',
      text: scripted({ tokens: 400, tokens_per_second: 100 }, 'at-once-marker'),
    };
    const first = await send(stack.url, tenant, running);
    for await (const { chunk } of first) if (chunk.type === 'text-delta') break;
    const refused = send(stack.url, tenant, { conversation: 'at-once-2', text: 'at-once-refused' });
    await expect(refused).rejects.toMatchObject({ status: 429, body: { code: 'quota_exceeded', limit: 'turns_at_once' } });
    const copy = await send(stack.url, tenant, running);
    expect((await copy.finished()).text).toBe((await first.finished()).text);
    await vi.waitFor(() => ask(tenant, { tokens: 1 }, 'at-once-after'), { timeout: 5_000, interval: 50 });
  });

  it('of one tenant is nobody else’s', async () => {
    const [full, other] = [tenantOf('none'), tenantOf('one')];
    await expect(ask(full, { tokens: 1 }, 'full')).rejects.toMatchObject({ status: 429 });
    await ask(other, { tokens: 1 }, 'other');
  });

  it('is told to an `openai` client so that it does not try again', async () => {
    const tenant = tenantOf('tiny');
    const client = new OpenAI({ apiKey: tenant.apiKey, baseURL: `${stack.url}/v1`, maxRetries: 2 });
    const refusal = await client.chat.completions
      .create({ model: tenant.botId, messages: [{ role: 'user', content: 'Hello' }], max_tokens: 1_000_000 })
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(OpenAI.RateLimitError);
    const { headers, code } = refusal as InstanceType<typeof OpenAI.RateLimitError>;
    expect(code).toBe('quota_exceeded');
    expect(headers?.get('x-should-retry')).toBe('false');
    expect(headers?.get('ratelimit')).toContain('"tokens_per_month";r=0');
    expect(await ledgerOf(tenant)).toEqual([]);
  });
});
