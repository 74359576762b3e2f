import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestStack, testStack, type TestTenant } from '../../../../test/support/stack.ts';
import { publicId, uuidOf } from '../../../kernel/ids.ts';
import { changed } from '../../../platform/database/index.ts';
import { redisKeys, RedisConnections } from '../../../platform/redis/index.ts';
import { Visitors } from '../../identity/index.ts';
import { PlansAdmin } from '../limits/plans-admin.ts';

let stack: TestStack;
let mine: TestTenant;
let theirs: TestTenant;
beforeAll(async () => {
  stack = await testStack();
  [mine, theirs] = [await stack.tenant(), await stack.tenant()];
});
afterAll(() => stack.close());

interface Call {
  at: string;
  turn?: string;
  bot?: string;
  visitor?: string;
  key?: string;
  model?: string;
  state?: string;
  kind?: string;
  input?: number;
  output?: number;
  cost?: number;
  estimated?: boolean;
}

/** Writes one row of the ledger as a finished call leaves it. */
function book(tenant: TestTenant, call: Call): Promise<number> {
  return stack.db.forTenant(tenant.tenantUuid, (tx) =>
    changed(
      tx,
      `INSERT INTO provider_calls (tenant_id, id, kind, turn_id, call, bot_id, visitor_id, api_key_id, model, state, reserved_input, reserved_output,
         input_tokens, output_tokens, cost, estimated, month_starts_at, day_starts_at, created_at)
       VALUES ($1, $2, $3, $4, (SELECT count(*) FROM provider_calls), $5, $6, $7, $8, $9, 0, 0, $10, $11, $12, $13, $14, $14, $14)`,
      [
        ...[tenant.tenantUuid, randomUUID(), call.kind ?? 'chat', call.turn ?? randomUUID(), call.bot ?? null, call.visitor ?? null],
        ...[call.key ?? null, call.model ?? null, call.state ?? 'settled', call.input ?? 10, call.output ?? 5, call.cost ?? 7],
        ...[call.estimated ?? false, new Date(call.at)],
      ],
    ),
  );
}

const usage = (query: string, tenant = mine) => stack.request('GET', `/v1/usage?${query}`, { token: tenant.accessToken });
const march = 'from=2026-03-01T00:00:00Z&to=2026-04-01T00:00:00Z';

describe('GET /v1/usage', () => {
  it('adds up messages, calls, tokens and cost by day; what still runs, was given back or is another tenant’s does not count', async () => {
    const turn = randomUUID();
    await book(mine, { at: '2026-03-01T00:00:00Z', turn });
    await book(mine, { at: '2026-03-01T23:59:59.999Z', turn, input: 1, output: 2, cost: 3, estimated: true });
    await book(mine, { at: '2026-03-02T00:00:00Z' });
    await book(mine, { at: '2026-03-02T01:00:00Z', kind: 'cache', input: 0, output: 0, cost: 0 });
    await book(mine, { at: '2026-03-03T00:00:00Z', state: 'reserved' });
    await book(mine, { at: '2026-03-03T00:00:00Z', state: 'released' });
    await book(mine, { at: '2026-04-01T00:00:00Z' });
    await book(mine, { at: '2026-02-28T23:59:59.999Z' });
    await book(theirs, { at: '2026-03-01T12:00:00Z', input: 1_000_000 });
    const answer = await usage(march);
    expect(answer).toMatchObject({
      status: 200,
      body: { from: '2026-03-01T00:00:00.000Z', to: '2026-04-01T00:00:00.000Z', has_more: false },
    });
    const common = { object: 'usage', group_by: 'day' };
    expect(answer.body.data).toEqual([
      { ...common, key: '2026-03-01', messages: 1, calls: 2, input_tokens: 11, output_tokens: 7, estimated_calls: 1, cost: 10 },
      { ...common, key: '2026-03-02', messages: 2, calls: 1, input_tokens: 10, output_tokens: 5, estimated_calls: 0, cost: 7 },
    ]);
  });

  it('groups by bot, model, key and visitor, and shows ids as the rest of the API does', async () => {
    const may = 'from=2026-05-01T00:00:00Z&to=2026-06-01T00:00:00Z';
    const at = '2026-05-05T05:00:00Z';
    const [bot, key] = [uuidOf('bot', mine.botId) as string, uuidOf('apiKey', mine.apiKeyId) as string];
    const visitor = (await stack.app.get(Visitors, { strict: false }).resolve(mine.tenantUuid, 'ada')).id;
    const erased = randomUUID();
    await book(mine, { at, bot, visitor, key, model: 'large' });
    await book(mine, { at, bot, visitor: erased, model: 'small' });
    await book(mine, { at });
    const keysBy = async (group: string) => (await usage(`${may}&group_by=${group}`)).body.data.map((each: { key: unknown }) => each.key);
    expect(await keysBy('bot')).toEqual([null, mine.botId]);
    expect(await keysBy('key')).toEqual([null, mine.apiKeyId]);
    expect(await keysBy('model')).toEqual([null, 'large', 'small']);
    const visitors = (await usage(`${may}&group_by=visitor`)).body.data as { key: string | null; visitor_id: string | null }[];
    expect(new Map(visitors.map((each) => [each.key, each.visitor_id]))).toEqual(
      new Map([
        [null, null],
        [publicId('visitor', visitor), 'ada'],
        [publicId('visitor', erased), null],
      ]),
    );
  });

  it.each(['day', 'bot', 'model', 'key', 'visitor'])('by %s comes in pages that have each group once', async (group) => {
    const month = 'from=2025-07-01T00:00:00Z&to=2025-08-01T00:00:00Z';
    const tenant = await stack.tenant();
    for (let day = 1; day <= 7; day += 1) {
      const id = randomUUID();
      await book(tenant, {
        at: `2025-07-0${day}T10:00:00Z`,
        ...(day === 1 ? {} : { bot: id, visitor: id, key: id, model: `Model-${day}/ü` }),
      });
    }
    const keys: unknown[] = [];
    let after = '';
    for (;;) {
      const { status, body } = await usage(`${month}&group_by=${group}&limit=2${after}`, tenant);
      expect(status).toBe(200);
      keys.push(...body.data.map((each: { key: unknown }) => each.key));
      if (!body.has_more) break;
      after = `&after=${encodeURIComponent(body.next_cursor)}`;
    }
    expect(keys).toHaveLength(7);
    expect(new Set(keys).size).toBe(7);
    const whole = await usage(`${month}&group_by=${group}`, tenant);
    expect(whole.body.data.map((each: { key: unknown }) => each.key)).toEqual(keys);
  });

  it('by default shows this month', async () => {
    const { body } = await usage('');
    expect(body.from).toMatch(/-01T00:00:00.000Z$/);
    expect(Math.abs(Date.parse(body.to) - Date.now())).toBeLessThan(60_000);
  });

  it.each([
    ['group_by=moon'],
    ['limit=0'],
    ['limit=1001'],
    ['limit=many'],
    ['from=yesterday'],
    ['from=2026-13-01T00:00:00Z'],
    ['from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z'],
    ['from=2024-01-01T00:00:00Z&to=2026-01-01T00:00:00Z'],
    ['group_by=bot&after=conv_1'],
    ['group_by=visitor&after=%00'],
    [`after=${'x'.repeat(401)}`],
  ])('refuses ?%s', async (query) => {
    expect(await usage(query)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });
});

describe('GET /v1/limits', () => {
  const limits = async (tenant: TestTenant) => (await stack.request('GET', '/v1/limits', { token: tenant.accessToken })).body;
  const one = (body: { limits: { name: string }[] }, name: string) => body.limits.find((each) => each.name === name);

  it('says of each limit what is used, what is left and when it begins anew', async () => {
    const tenant = await stack.tenant();
    const trialEndsAt = new Date('2030-01-01T00:00:00Z');
    await stack.app.get(PlansAdmin).assign(tenant.tenantUuid, {
      planId: 'trial',
      overrides: { seats: null, bots: 1, cost_per_month: 500, files: 9 },
      trialEndsAt,
    });
    await stack.db.forTenant(tenant.tenantUuid, (tx) =>
      changed(
        tx,
        `INSERT INTO usage_counters (tenant_id, subject, starts_at, messages, tokens, tokens_reserved, cost, cost_reserved)
         VALUES ($1, $1, (date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'), 3, 1000, 500, 400, 300)`,
        [tenant.tenantUuid],
      ),
    );
    await stack.redis.zadd(redisKeys.tenantTurns(tenant.tenantUuid), Date.now() + 60_000, 'a', Date.now() - 60_000, 'b');
    const body = await limits(tenant);
    expect(body).toMatchObject({ object: 'limits', plan: 'trial', tier: 0, trial_ends_at: trialEndsAt.toISOString() });
    const now = new Date();
    const nextMonth = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)).toISOString();
    expect(one(body, 'messages_per_month')).toEqual({
      ...{ name: 'messages_per_month', kind: 'month', limit: 1_000, used: 3, remaining: 997, resets_at: nextMonth },
    });
    expect(one(body, 'tokens_per_month')).toMatchObject({ used: 1_500, remaining: 1_998_500 });
    expect(one(body, 'cost_per_month')).toMatchObject({ used: 700, limit: 500, remaining: 0 });
    expect(one(body, 'bots')).toEqual({ name: 'bots', kind: 'counted', limit: 1, used: 1, remaining: 0, resets_at: null });
    expect(one(body, 'files')).toMatchObject({ limit: 9, used: 0, remaining: 9 });
    expect(one(body, 'seats')).toMatchObject({ limit: null, used: 1, remaining: null });
    expect(one(body, 'api_keys')).toMatchObject({ used: 1, remaining: 4 });
    expect(one(body, 'turns_at_once')).toMatchObject({ used: 1, remaining: 9 });
    expect(one(body, 'open_sockets')).toMatchObject({ used: 0, remaining: 100 });
    expect(one(body, 'visitor_tokens_per_day')).toMatchObject({ kind: 'visitor_day', used: null, remaining: null });
    expect(body.limits).toHaveLength(16);
    const unlimited = await limits(theirs);
    expect(one(unlimited, 'tokens_per_month')).toMatchObject({ limit: null, used: 0, remaining: null });
  });

  it('leaves out what Redis counts while Redis is away', async () => {
    const tenant = await stack.tenant();
    await stack.app.get(PlansAdmin).assign(tenant.tenantUuid, { planId: 'basic', overrides: {}, trialEndsAt: null });
    const replica = await stack.replica();
    replica.app.get(RedisConnections).commands.disconnect();
    const answer = await fetch(`${replica.url}/v1/limits`, { headers: { authorization: `Bearer ${tenant.apiKey}` } });
    expect(answer.status).toBe(200);
    const body = (await answer.json()) as { limits: { name: string }[] };
    expect(one(body, 'turns_at_once')).toMatchObject({ limit: 50, used: null, remaining: null });
    expect(one(body, 'bots')).toMatchObject({ used: 1 });
  });

  it('and usage are shown to whoever may see them, and nobody else', async () => {
    const token = mine.accessToken;
    const { body: key } = await stack.request('POST', '/v1/api-keys', { token, body: { name: 'no usage', scopes: ['bot.read'] } });
    for (const path of ['/v1/usage', '/v1/limits']) {
      expect((await stack.request('GET', path, { token: mine.apiKey })).status).toBe(200);
      expect((await stack.request('GET', path, { token: key.key })).status).toBe(403);
      expect((await stack.request('GET', path)).status).toBe(401);
    }
  });
});
