import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type AnswerRequest, ModelError, type ModelListener, Models } from '../../src/modules/models/index.ts';
import { counted, resume, send } from '../support/event-stream.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';
import { storedAnswers, turnRow, turnsOfTenant } from '../support/turn-rows.ts';

/* What is booked for a turn whose replica drains before its first call is over. */

let stack: TestStack;
let tenant: TestTenant;
beforeAll(async () => {
  stack = await testStack({ env: { MODEL_MAX_OUTPUT_TOKENS: '100' } });
});
afterAll(() => stack.close());
afterEach(() => vi.restoreAllMocks());

interface Booked {
  call: number;
  state: string;
  outcome: string | null;
  estimated: boolean;
  input_tokens: number;
  output_tokens: number;
  reserved_output: number;
}

/** Asks a replica whose model does `until` before it waits for ever, drains the replica, and has another give the answer. */
async function drained(until: (listener: ModelListener) => Promise<void> | void, end: (listener: ModelListener) => void = () => {}) {
  tenant = await stack.tenant();
  const leaving = await stack.replica({ DRAIN_TIMEOUT_MS: '0' });
  const arrived = Promise.withResolvers<void>();
  // As where nobody has room for the call.
  vi.spyOn(leaving.app.get(Models, { strict: false }), 'stream').mockImplementation(
    async ({ signal }: AnswerRequest, listener: ModelListener) => {
      await until(listener);
      arrived.resolve();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      end(listener);
      throw new ModelError('aborted', { unserved: true });
    },
  );
  const conversation = `drained-${tenant.botId}`;
  stack.model.scripts.add({ match: conversation, scripts: [{ tokens: 7 }] });
  const answer = await send(leaving.url, tenant, { conversation, text: conversation });
  const cut = answer.finished().catch(() => undefined);
  await arrived.promise;
  await leaving.stop();
  await cut;
  const [id = ''] = await turnsOfTenant(stack, tenant);
  await expect.poll(() => turnRow(stack, id), { timeout: 20_000 }).toMatchObject({ state: 'completed' });
  expect((await (await resume(stack.url, tenant, conversation))?.finished())?.text).toBe(counted(7));
  expect(await storedAnswers(stack, tenant, id)).toEqual([{ status: 'complete', text: counted(7) }]);
  const booked = await rowsOf<Booked>('SELECT * FROM provider_calls WHERE tenant_id = $1 ORDER BY call');
  const [counter] = await rowsOf<{ messages: number; tokens: number; reserved: number }>(
    `SELECT sum(messages)::int AS messages, sum(tokens)::int AS tokens, sum(tokens_reserved)::int AS reserved FROM usage_counters
     WHERE tenant_id = $1 AND subject = $1`,
  );
  expect(counter).toEqual({
    messages: 1,
    tokens: booked.reduce((sum, row) => sum + row.input_tokens + row.output_tokens, 0),
    reserved: 0,
  });
  return { turn: await turnRow(stack, id), booked };
}

const rowsOf = <T>(sql: string): Promise<T[]> =>
  stack.db.forTenant(tenant.tenantUuid, async (tx) => (await tx.query(sql, [tenant.tenantUuid])).rows as T[]);

const call = { target: 'default', model: 'demo-small', inputBound: 50, maxOutputTokens: 100, price: { input: 0, output: 0 } };

describe('P6: a turn that was drained', () => {
  it('before its first call began has that call still to make, and books nothing else', async () => {
    const { turn, booked } = await drained(() => undefined);
    expect(booked).toMatchObject([{ call: 1, state: 'settled', outcome: 'stop', estimated: false, output_tokens: 7 }]);
    expect(turn).toMatchObject({ attempt: 2, model_calls: 1 });
  });

  it('when its first call had begun books what that may have used', async () => {
    const { turn, booked } = await drained(
      (listener) => void listener.onCall(call),
      (listener) => listener.onCallEnd({ outcome: 'aborted', unserved: false }),
    );
    expect(booked).toMatchObject([
      { call: 1, state: 'settled', outcome: 'aborted', estimated: true, output_tokens: 100 },
      { call: 2, state: 'settled', outcome: 'stop', estimated: false, output_tokens: 7 },
    ]);
    expect(turn).toMatchObject({ model_calls: 2 });
  });

  it('when its first call is known to have been served nothing books nothing for it', async () => {
    const { booked } = await drained(
      (listener) => void listener.onCall(call),
      (listener) => listener.onCallEnd({ outcome: 'aborted', unserved: true }),
    );
    expect(booked).toMatchObject([
      { call: 1, state: 'released', outcome: 'aborted', output_tokens: 0 },
      { call: 2, state: 'settled', estimated: false, output_tokens: 7 },
    ]);
  });

  it('without a word of how its first call ended books the most', async () => {
    const { booked } = await drained((listener) => void listener.onCall(call));
    expect(booked).toMatchObject([
      { call: 1, state: 'settled', estimated: true, output_tokens: 100 },
      { call: 2, state: 'settled', output_tokens: 7 },
    ]);
  });
});
