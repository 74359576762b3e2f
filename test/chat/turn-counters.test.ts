import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { FindTurn } from '../../src/modules/chat/turn/find-turn.ts';
import type { TurnRef } from '../../src/modules/chat/turn/turn.ts';
import { ModelSettings } from '../../src/modules/models/index.ts';
import { PlanLimits, PlansAdmin } from '../../src/modules/plans/index.ts';
import { scripted, send } from '../support/event-stream.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';

/*
 * Many turns of one tenant that are settled and reserved anew at the same moment, with limits so large that its month is spread over eight rows: they
 * must not wait for each other in a circle.
 */

const turns = 40;
/** Large enough for eight rows. */
const tokensPerMonth = 8_000_000;
const deadlock = '40P01';

let stack: TestStack;
let neighbour: TestTenant;
/** Calls of the first target, which answers none before it is told to. */
const waiting: ServerResponse[] = [];
const failing = createServer((request, response) => {
  request.resume();
  // Its credential is tried when it is saved.
  if (request.method === 'GET') response.writeHead(200, { 'content-type': 'application/json' }).end('{"data":[]}');
  else waiting.push(response);
});

beforeAll(async () => {
  stack = await testStack({
    env: { MODEL_ALLOW_PRIVATE_URLS: 'true', CHAT_MESSAGES_PER_MINUTE: '10000', MODEL_MAX_OUTPUT_TOKENS: '100' },
  });
  await once(failing.listen(0, '127.0.0.1'), 'listening');
  neighbour = await stack.tenant({ model: 'demo-large' });
  await (await send(stack.url, neighbour, { conversation: 'first', text: 'Hello' })).finished();
});
afterAll(async () => {
  await stack.close();
  failing.close();
});

/** A tenant whose month is spread over eight rows, and whose first target, nobody else's, fails. */
async function spreadTenant(name: string): Promise<TestTenant> {
  const settings = stack.app.get(ModelSettings);
  const baseUrl = `http://127.0.0.1:${(failing.address() as AddressInfo).port}/v1`;
  await settings.putCredential({ name, kind: 'compatible', baseUrl, apiVersion: null, secret: 'sk-failing' });
  await settings.putRoute(name, {
    targets: [
      { credential: name, model: 'demo-small' },
      { model: 'demo-small', tier: 1 },
    ],
  });
  const tenant = await stack.tenant({ model: name });
  const overrides = { tokens_per_month: tokensPerMonth };
  const given = await stack.app.get(PlansAdmin).assign(tenant.tenantUuid, { planId: 'enterprise', overrides, trialEndsAt: null });
  const plans = stack.app.get(PlanLimits);
  await vi.waitFor(async () => expect(await plans.of(tenant.tenantUuid)).toEqual(given), { timeout: 8_000, interval: 50 });
  // The first message of the month makes its rows.
  const first = await send(stack.url, tenant, { conversation: 'first', text: 'Hello' });
  await letAll(1, (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const choice = { index: 0, delta: { content: 'Hello' }, finish_reason: 'stop' };
    response.end(`data: ${JSON.stringify({ choices: [choice] })}\n\ndata: [DONE]\n\n`);
  });
  expect((await first.finished()).done).toBe(true);
  return tenant;
}

const inTenant = async <T>({ tenantUuid }: TestTenant, sql: string): Promise<T[]> =>
  stack.db.forTenant(tenantUuid, async (tx) => (await tx.query(sql, [tenantUuid])).rows as T[]);

/** Ends so many calls of the first target at the same moment, when all of them have come. */
async function letAll(count: number, end: (response: ServerResponse) => void, before = () => Promise.resolve()): Promise<void> {
  await expect.poll(() => waiting.length, { interval: 20, timeout: 20_000 }).toBe(count);
  await before();
  waiting.splice(0).forEach(end);
}

/** Codes of the transactions that failed while `work` was done. */
async function failuresDuring(work: () => Promise<void>): Promise<string[]> {
  const spy = vi.spyOn(stack.db, 'forTenant');
  try {
    await work();
    const failed = spy.mock.settledResults.filter(({ type }) => type === 'rejected').map(({ value }) => value as unknown);
    return failed.map((error) => (error as { code?: string }).code ?? (error as Error).name);
  } finally {
    spy.mockRestore();
  }
}

it.each([
  ['one after the other in their rows', false],
  ['with all rows held, after a change of the plan', true],
])('P6: answers that fail over at once, %s, neither wait in a circle nor hold a neighbour up', async (_how, held) => {
  const tenant = await spreadTenant(`failing-${held}`);
  const marker = (at: number) => `failover-${held}-${at}.`;
  const waits: number[] = [];
  const failures = await failuresDuring(async () => {
    const over = new AbortController();
    const beside = (async () => {
      for (let at = 0; !over.signal.aborted; at += 1) {
        const since = performance.now();
        await (await send(stack.url, neighbour, { conversation: `beside-${held}-${at}`, text: 'Hello' })).finished();
        waits.push(performance.now() - since);
      }
    })();
    const asked = Array.from({ length: turns }, async (_, at) =>
      (await send(stack.url, tenant, { conversation: `crowd-${at}`, text: marker(at) })).finished(),
    );
    // As after a change of the plan: a call can be reserved only by who holds all rows.
    const forget = async () => {
      if (held) await inTenant(tenant, 'UPDATE usage_counters SET spread_for = NULL WHERE tenant_id = $1');
    };
    try {
      await letAll(turns, (response) => response.writeHead(500).end(), forget);
      await Promise.all(asked);
    } finally {
      over.abort();
      await beside;
    }
    const answers = await Promise.all(asked);
    expect(answers.map(({ last }) => last?.type)).toEqual(answers.map(() => 'finish'));
  });
  expect(failures).not.toContain(deadlock);
  expect(failures.includes('NotReserved')).toBe(held);
  expect(stack.model.witness.entries({ match: `failover-${held}-`, limit: 1_000 }).entries).toHaveLength(turns);
  // A circle is found after a second; and whoever waits for it holds others up.
  expect(Math.max(...waits)).toBeLessThan(5_000);
  const standing = 'SELECT sum(messages)::int AS messages, sum(tokens_reserved)::int AS reserved FROM usage_counters WHERE tenant_id = $1';
  expect(await inTenant(tenant, standing)).toEqual([{ messages: turns + 1, reserved: 0 }]);
});

it('P6: questions that wait and are edited at once, again and again, do not wait in a circle', async () => {
  const tenant = await stack.tenant({ model: 'demo-large' });
  const conversations = Array.from({ length: turns }, (_, at) => `edited-${at}`);
  const slow = scripted({ tokens: 2_000, tokens_per_second: 10 });
  const running = await Promise.all(conversations.map((conversation) => send(stack.url, tenant, { conversation, text: slow })));
  const question = (conversation: string, round: number) => ({ conversation, messageId: `of-${conversation}`, text: `round ${round}` });
  const first = await Promise.all(conversations.map((conversation) => send(stack.url, tenant, question(conversation, 0))));
  const edited: Awaited<ReturnType<typeof send>>[] = [];
  const failures = await failuresDuring(async () => {
    for (let round = 1; round <= 3; round += 1) {
      const edit = (conversation: string) => send(stack.url, tenant, { ...question(conversation, round), target: `of-${conversation}` });
      edited.push(...(await Promise.all(conversations.map(edit))));
    }
  });
  expect(failures).not.toContain(deadlock);
  const standing = 'SELECT sum(messages)::int AS messages FROM usage_counters WHERE tenant_id = $1';
  // One that runs and one that waits in each conversation: what was replaced has been given back, once.
  expect(await inTenant(tenant, standing)).toEqual([{ messages: 2 * turns }]);
  for (const { response } of [...running, ...first, ...edited]) await response.body?.cancel();
});

it('P6: a waiting question that is stopped by many and edited at the same moment gives its message back once', async () => {
  const tenant = await stack.tenant({ model: 'demo-large' });
  const conversations = Array.from({ length: 10 }, (_, at) => `raced-${at}`);
  const slow = scripted({ tokens: 2_000, tokens_per_second: 10 });
  const question = (conversation: string, text: string) => ({ conversation, messageId: `of-${conversation}`, text });
  const open = await Promise.all(conversations.map((conversation) => send(stack.url, tenant, { conversation, text: slow })));
  open.push(...(await Promise.all(conversations.map((conversation) => send(stack.url, tenant, question(conversation, 'first'))))));
  const turnRefs = await inTenant<TurnRef>(
    tenant,
    `SELECT tenant_id AS "tenantId", id AS "turnId", conversation_id AS "conversationId", visitor_id AS "visitorId" FROM turns
     WHERE tenant_id = $1 AND state = 'waiting'`,
  );
  expect(turnRefs).toHaveLength(conversations.length);
  const find = stack.app.get(FindTurn);
  const stops = turnRefs.flatMap((turn) => Array.from({ length: 4 }, () => find.stop(turn)));
  const edits = conversations.map((conversation) =>
    send(stack.url, tenant, { ...question(conversation, 'second'), target: `of-${conversation}` }),
  );
  open.push(...(await Promise.all(edits)));
  await Promise.all(stops);
  await Promise.all(turnRefs.map((turn) => find.stop(turn)));
  const standing = 'SELECT sum(messages)::int AS messages FROM usage_counters WHERE tenant_id = $1';
  expect(await inTenant(tenant, standing)).toEqual([{ messages: 2 * conversations.length }]);
  for (const { response } of open) await response.body?.cancel();
});
