import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { uuidOf } from '../../src/kernel/ids.ts';
import { DeadLetters } from '../../src/modules/chat/queue/dead-letters.ts';
import { queueLevel, setQueueShare } from '../../src/modules/chat/queue/turn-order.ts';
import { ModelError, Models } from '../../src/modules/models/index.ts';
import type { QueueData } from '../../src/modules/chat/stream/chunks.ts';
import { type AnswerStream, counted, resume, scripted, send } from '../support/event-stream.ts';
import { urlAs } from '../support/services.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';

let stack: TestStack;
let tenant: TestTenant;
beforeAll(async () => {
  stack = await testStack({ env: oneSlot });
  tenant = await stack.tenant();
});
afterAll(() => stack.close());

/** One turn at a time, so that everything else waits. */
const oneSlot = {
  CHAT_MAX_RUNNING_TURNS: '1',
  CHAT_MESSAGES_PER_MINUTE: '100000',
  QUEUE_RETRY_DELAY_MS: '1200',
  DRAIN_TIMEOUT_MS: '300',
  QUEUE_MAX_RETRIES: '2',
};

let conversations = 0;
const fresh = () => `queue-${(conversations += 1)}`;

/** Takes the one slot until the answer is stopped or has had its time. */
async function occupy(url = stack.url) {
  const conversation = fresh();
  const answer = await send(url, tenant, { conversation, text: scripted({ tokens: 3_000, tokens_per_second: 50 }) });
  for await (const { chunk } of answer) if (chunk.type === 'text-delta') break;
  const release = () =>
    stack
      .request('POST', `/v1/chat/${conversation}/stop?bot_id=${tenant.botId}`, { token: tenant.apiKey })
      .then(() => answer.finished().catch(() => undefined));
  return { answer, release };
}

const queueData = (answer: AnswerStream): QueueData[] =>
  answer.events.flatMap(({ chunk }) => (chunk.type === 'data-queue' ? [chunk.data] : []));

async function untilQueued(answer: AnswerStream, wanted: (data: QueueData) => boolean = () => true): Promise<void> {
  for await (const { chunk } of answer) if (chunk.type === 'data-queue' && wanted(chunk.data)) return;
  throw new Error('the answer ended before');
}

function inOrder(answer: AnswerStream): boolean {
  return answer.events.every(({ sequence }, at) => sequence === at);
}

const waiting = async () => (await stack.system.run('turn-queue', (tx) => queueLevel(tx))).depth;

describe('a turn that has to wait', () => {
  it('P3: tells its readers where it stands, as it changes, and then answers in the same log', async () => {
    const running = await occupy();
    const first = await send(stack.url, tenant, { conversation: fresh(), text: scripted({ tokens: 5 }) });
    await untilQueued(first);
    const second = await send(stack.url, tenant, { conversation: fresh(), text: scripted({ tokens: 5 }) });
    await untilQueued(second);
    expect(queueData(first)[0]?.position).toBe(1);
    expect(queueData(second)[0]?.position).toBe(2);
    await running.release();
    await Promise.all([first.finished(), second.finished()]);
    for (const answer of [first, second]) {
      expect(answer.text).toBe(counted(5));
      expect(answer.done).toBe(true);
      expect(inOrder(answer)).toBe(true);
      expect(answer.events.filter(({ chunk }) => chunk.type === 'start')).toHaveLength(1);
      expect(answer.events.filter(({ chunk }) => chunk.type === 'start-step')).toHaveLength(1);
      expect(answer.events.some(({ chunk }) => chunk.type === 'reset-step')).toBe(false);
    }
  });

  it('P5: is taken up although Redis has forgotten everything', async () => {
    const running = await occupy();
    const conversation = fresh();
    const answer = await send(stack.url, tenant, { conversation, text: scripted({ tokens: 4 }) });
    await untilQueued(answer);
    await stack.redis.flushdb();
    await running.release();
    const read = await answer.finished().catch(async () => (await resume(stack.url, tenant, conversation))?.finished());
    expect(read?.text).toBe(counted(4));
  });

  it('can be stopped, and its readers see the end', async () => {
    const running = await occupy();
    const conversation = fresh();
    const answer = await send(stack.url, tenant, { conversation });
    await untilQueued(answer);
    await stack.request('POST', `/v1/chat/${conversation}/stop?bot_id=${tenant.botId}`, { token: tenant.apiKey });
    await answer.finished();
    expect(answer.last).toMatchObject({ type: 'finish', finishReason: 'interrupted', messageMetadata: { status: 'stopped' } });
    expect(inOrder(answer)).toBe(true);
    await running.release();
    await expect.poll(waiting).toBe(0);
  });

  it('P10: goes on waiting on another replica when the one that took it is gone', async () => {
    const other = await stack.replica({ CHAT_MAX_RUNNING_TURNS: '1' });
    const here = await occupy();
    const there = await occupy(other.url);
    const conversation = fresh();
    const cut = await send(other.url, tenant, { conversation, text: scripted({ tokens: 4 }) });
    await untilQueued(cut);
    await other.stop();
    const read = (await resume(stack.url, tenant, conversation)) as AnswerStream;
    await untilQueued(read, ({ position }) => position >= 1);
    await Promise.all([here.release(), there.release()]);
    await read.finished();
    expect(read.text).toBe(counted(4));
    expect(inOrder(read)).toBe(true);
  });

  it('P10: does not hold up an answer whose replica is gone', async () => {
    const other = await stack.replica();
    const there = await send(other.url, tenant, { conversation: fresh(), text: scripted({ tokens: 200, tokens_per_second: 50 }) });
    const conversation = `queue-${conversations}`;
    for await (const { chunk } of there) if (chunk.type === 'text-delta') break;
    const here = await occupy();
    const asks = Array.from({ length: 5 }, () => send(stack.url, tenant, { conversation: fresh(), text: scripted({ tokens: 2 }) }));
    const line = await Promise.all(asks);
    await Promise.all(line.map((answer) => untilQueued(answer)));
    await other.stop();
    const read = await (await resume(stack.url, tenant, conversation))?.finished();
    expect(read?.text).toBe(counted(200));
    expect(line.every(({ done }) => !done)).toBe(true);
    await here.release();
    await Promise.all(line.map((answer) => answer.finished()));
  });

  it('is not run when its message is edited meanwhile', async () => {
    const running = await occupy();
    const conversation = fresh();
    const asked = { conversation, messageId: 'edited', text: scripted({ text: 'one' }, 'never-asked-one') };
    const first = await send(stack.url, tenant, asked);
    await untilQueued(first);
    const second = await send(stack.url, tenant, { ...asked, text: scripted({ text: 'two' }, 'asked-two'), target: 'edited' });
    await running.release();
    await Promise.all([first.finished(), second.finished()]);
    expect(first.last).toMatchObject({ type: 'finish', messageMetadata: { status: 'stopped' } });
    expect(second.text).toBe('two');
    expect(stack.model.witness.entries().entries.some(({ last_user }) => last_user?.includes('never-asked-one'))).toBe(false);
  });
});

describe('the estimated wait', () => {
  it('is less than a quarter off, for half of the turns', async () => {
    // What turns take has to be known first.
    const script = scripted({ tokens: 1, first_token_ms: 250 });
    for (let turn = 0; turn < 10; turn += 1) await (await send(stack.url, tenant, { conversation: fresh(), text: script })).finished();
    const errors = await Promise.all(
      Array.from({ length: 16 }, async () => {
        const answer = await send(stack.url, tenant, { conversation: fresh(), text: script });
        let told: { at: number; seconds: number } | undefined;
        for await (const { chunk } of answer) {
          if (chunk.type === 'data-queue' && told === undefined && chunk.data.estimated_wait_seconds !== undefined)
            told = { at: performance.now(), seconds: chunk.data.estimated_wait_seconds };
          if (chunk.type === 'start-step') break;
        }
        const actual = told === undefined ? 0 : (performance.now() - told.at) / 1_000;
        await answer.finished();
        return told === undefined || actual < 0.5 ? undefined : Math.abs(told.seconds - actual) / actual;
      }),
    );
    const measured = errors.filter((error) => error !== undefined).toSorted((a, b) => a - b);
    expect(measured.length).toBeGreaterThanOrEqual(8);
    expect(measured[Math.floor(measured.length / 2)]).toBeLessThan(0.25);
  });
});

describe('who is next', () => {
  /** Queues turns of several tenants behind a running one, lets it go, and gives the order in which they were taken up. */
  async function orderOf(asks: { of: TestTenant; name: string }[]): Promise<string[]> {
    const running = await occupy();
    const answers: AnswerStream[] = [];
    for (const { of, name } of asks) answers.push(await send(stack.url, of, { conversation: fresh(), text: scripted({ text: name }) }));
    await expect.poll(waiting).toBe(asks.length);
    await running.release();
    await Promise.all(answers.map((answer) => answer.finished()));
    return startedOrder(answers);
  }

  async function startedOrder(answers: AnswerStream[]): Promise<string[]> {
    const ids = answers.map((answer) => uuidOf('turn', answer.events[0]?.cursor.split(':')[0] ?? ''));
    const found = await asRows<{ id: string }>(`SELECT id FROM turns WHERE id = ANY($1::uuid[]) ORDER BY started_at`, [ids]);
    return found.map(({ id }) => answers[ids.indexOf(id)]?.text ?? '');
  }

  async function asRows<R>(sql: string, parameters: unknown[]): Promise<R[]> {
    const client = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.database) });
    await client.connect();
    try {
      return (await client.query(sql, parameters)).rows as R[];
    } finally {
      await client.end();
    }
  }

  it('tenants take turns, however many each has waiting', async () => {
    const [a, b] = await Promise.all([stack.tenant(), stack.tenant()]);
    const asks = [...Array.from({ length: 6 }, (_, at) => ({ of: a, name: `a${at}` })), { of: b, name: 'b0' }, { of: b, name: 'b1' }];
    expect(await orderOf(asks)).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'a3', 'a4', 'a5']);
  });

  it('a higher tier goes first, and a weight counts within its tier', async () => {
    const [plain, heavy, vip] = await Promise.all([stack.tenant(), stack.tenant(), stack.tenant()]);
    await stack.db.forTenant(heavy.tenantUuid, (tx) => setQueueShare(tx, heavy.tenantUuid, { tier: 50, weight: 2 }));
    await stack.db.forTenant(vip.tenantUuid, (tx) => setQueueShare(tx, vip.tenantUuid, { tier: 60, weight: 1 }));
    const many = (of: TestTenant, name: string, count: number) => Array.from({ length: count }, (_, at) => ({ of, name: `${name}${at}` }));
    const order = await orderOf([...many(plain, 'p', 3), ...many(heavy, 'h', 6), ...many(vip, 'v', 2)]);
    expect(order).toEqual(['v0', 'v1', 'p0', 'h0', 'h1', 'p1', 'h2', 'h3', 'p2', 'h4', 'h5']);
  });
});

describe('P9: a queue has an end', () => {
  it('refuses what is too much, with an honest Retry-After, and only the tenant that floods', async () => {
    const small = await stack.replica({ CHAT_MAX_RUNNING_TURNS: '1', CHAT_MAX_QUEUED_TURNS_PER_TENANT: '2' });
    const running = await occupy();
    const there = await occupy(small.url);
    const flood = await stack.tenant();
    const kept = [await send(small.url, flood, { conversation: fresh() }), await send(small.url, flood, { conversation: fresh() })];
    const refused = await fetch(`${small.url}/v1/chat`, {
      method: 'POST',
      headers: { authorization: `Bearer ${flood.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        id: fresh(),
        bot_id: flood.botId,
        trigger: 'submit-message',
        messages: [{ id: 'refused', role: 'user', parts: [{ type: 'text', text: 'Hello' }] }],
      }),
    });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await refused.json()).toMatchObject({ code: 'queue_full', status: 429 });
    const polite = await send(small.url, await stack.tenant(), { conversation: fresh() });
    await Promise.all([running.release(), there.release()]);
    await small.stop();
    await Promise.all(
      [...kept, polite].map(async (answer) => {
        // Their replica was stopped: some are cut, and then go on elsewhere.
        await answer.finished().catch(() => undefined);
      }),
    );
    await expect.poll(waiting, { timeout: 20_000 }).toBe(0);
  });
});

describe('queued work that fails', () => {
  /** The next `times` calls for messages with this text fail. */
  async function failing(text: string, times: number): Promise<void> {
    const scripts = Array.from({ length: times }, () => ({ status: 503 }));
    const queued = await fetch(`${stack.model.url}/demo/scripts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ scripts, match: text }),
    });
    expect(queued.status).toBe(200);
  }

  it('is tried again a little later, and its reader waits', async () => {
    const running = await occupy();
    await failing('fails-3-times', 3);
    const answer = await send(stack.url, tenant, { conversation: fresh(), text: scripted({ tokens: 4 }, 'fails-3-times') });
    await untilQueued(answer);
    await running.release();
    await answer.finished();
    expect(answer.text).toBe(counted(4));
    expect(queueData(answer).some(({ retries }) => retries === 1)).toBe(true);
    expect(inOrder(answer)).toBe(true);
  });

  it('P6: books nothing for a try in which no model could be asked', async () => {
    const running = await occupy();
    const text = scripted({ tokens: 4 }, 'asks-nobody-at-first');
    const answer = await send(stack.url, tenant, { conversation: fresh(), text });
    await untilQueued(answer);
    // As where every target is at rest, or has no room in time.
    vi.spyOn(stack.app.get(Models, { strict: false }), 'stream').mockRejectedValueOnce(new ModelError('throttled', { unserved: true }));
    await running.release();
    await answer.finished();
    vi.restoreAllMocks();
    expect(queueData(answer).some(({ retries }) => retries === 1)).toBe(true);
    const turnId = uuidOf('turn', answer.events[0]?.cursor.split(':')[0] ?? '') as string;
    const { rows: booked } = await stack.db.forTenant(tenant.tenantUuid, (tx) =>
      tx.query('SELECT state, outcome, input_tokens + output_tokens AS tokens FROM provider_calls WHERE turn_id = $1 ORDER BY call', [
        turnId,
      ]),
    );
    expect(booked).toMatchObject([
      { state: 'released', tokens: 0 },
      { state: 'settled', outcome: 'stop' },
    ]);
  });

  it('is given up in the end, is seen by an operator, and can be tried again', async () => {
    const letters = stack.app.get(DeadLetters);
    const running = await occupy();
    const conversation = fresh();
    await failing('fails-9-times', 9);
    const answer = await send(stack.url, tenant, { conversation, text: scripted({ tokens: 4 }, 'fails-9-times') });
    await untilQueued(answer);
    await running.release();
    await answer.finished();
    expect(answer.last).toMatchObject({ type: 'error' });
    const turnId = uuidOf('turn', answer.events[0]?.cursor.split(':')[0] ?? '') as string;
    const [letter] = (await letters.list(10)).filter(({ id }) => id === turnId);
    expect(letter).toMatchObject({ tenantId: tenant.tenantUuid, errorCode: 'model_error', retries: 2 });
    expect(await letters.redrive(tenant.tenantUuid, turnId)).toBe(true);
    expect(await letters.redrive(tenant.tenantUuid, turnId)).toBe(false);
    await expect
      .poll(async () => (await (await resume(stack.url, tenant, conversation))?.finished().catch(() => undefined))?.text, {
        timeout: 20_000,
      })
      .toBe(counted(4));
    expect((await letters.list(10)).some(({ id }) => id === turnId)).toBe(false);
  });
});

describe('a bound for each model', () => {
  it('holds over all replicas, and does not hold up other models', async () => {
    const bounded = await testStack({ env: { CHAT_MAX_TURNS_PER_MODEL: '1', CHAT_MAX_RUNNING_TURNS: '10' } });
    try {
      const second = await bounded.replica();
      const small = await bounded.tenant({ model: 'demo-small' });
      const large = await bounded.tenant({ model: 'demo-large' });
      const running = await send(bounded.url, small, { conversation: 'a', text: scripted({ tokens: 100, tokens_per_second: 50 }) });
      for await (const { chunk } of running) if (chunk.type === 'text-delta') break;
      const queued = await send(second.url, small, { conversation: 'b', text: scripted({ tokens: 3 }) });
      await untilQueued(queued);
      const other = await (await send(second.url, large, { conversation: 'c', text: scripted({ tokens: 3 }) })).finished();
      expect(other.text).toBe(counted(3));
      expect(queueData(other)).toEqual([]);
      expect(running.done).toBe(false);
      await Promise.all([running.finished(), queued.finished()]);
      expect(queued.text).toBe(counted(3));
    } finally {
      await bounded.close();
    }
  });
});

describe('workers', () => {
  it('run waiting turns with the same runner, for readers on other replicas', async () => {
    const running = await occupy();
    const worker = await stack.replica({ PARLEY_ROLE: 'worker', CHAT_MAX_RUNNING_TURNS: '10' });
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => send(stack.url, tenant, { conversation: fresh(), text: scripted({ tokens: 6 }) })),
    );
    await Promise.all(answers.map((answer) => answer.finished()));
    expect(running.answer.done).toBe(false);
    for (const answer of answers) expect(answer.text).toBe(counted(6));
    await worker.stop();
    await running.release();
  });
});
