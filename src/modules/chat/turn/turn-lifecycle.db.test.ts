import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AnswerStream, scripted, send } from '../../../../test/support/event-stream.ts';
import { asSuperuser, urlAs } from '../../../../test/support/services.ts';
import { type TestStack, testStack, type TestTenant } from '../../../../test/support/stack.ts';
import { uuidOf } from '../../../kernel/ids.ts';
import { rows } from '../../../platform/database/index.ts';
import { Replica } from '../../../platform/replicas/index.ts';
import { ConversationsRepository } from '../../conversations/index.ts';
import { claimTurn, countModelCall, finishOrFail, finishTurn, promoteNext, requestStop, type TurnResult } from './turn-lifecycle.ts';
import { orphanedTurns } from './turn-sweep.ts';
import { findTurn, insertTurn, type NewTurn } from './turn-rows.ts';
import { maxAttempts } from './turn-limits.ts';
import { TurnLost } from './turn-run.ts';

let stack: TestStack;
let tenant: TestTenant;
beforeAll(async () => {
  stack = await testStack();
  tenant = await stack.tenant();
});
afterAll(() => stack.close());

const inTenant: TestStack['db']['forTenant'] = (_tenant, work) => stack.db.forTenant(tenant.tenantUuid, work);
const result: TurnResult = { state: 'completed', model: 'demo', usage: null, finishReason: 'stop', errorCode: null };

/** Starts an answer that goes on for a while; gives its stream and the turn's row. */
async function running(tokens = 900) {
  const answer: AnswerStream = await send(stack.url, tenant, {
    conversation: randomUUID(),
    text: scripted({ tokens, tokens_per_second: 50 }),
  });
  for await (const { chunk } of answer) if (chunk.type === 'text-delta') break;
  const id = uuidOf('turn', answer.events[0]?.cursor.split(':')[0] ?? '') as string;
  const turn = await inTenant('', (tx) => findTurn(tx, tenant.tenantUuid, id));
  if (turn === undefined) throw new Error('no turn');
  return { answer, turn };
}

function waitingTurn(after: Awaited<ReturnType<typeof running>>['turn'], position: number): NewTurn {
  return {
    ...after,
    id: randomUUID(),
    answerMessageId: randomUUID(),
    answerPosition: position,
    clientKey: randomBuffer(),
    turnKey: randomBuffer(),
    state: 'waiting',
    owner: null,
    deadlineMs: 1_000,
    tier: 50,
    virtualStart: 0,
  };
}

function randomBuffer(): Buffer {
  return Buffer.from(randomUUID());
}

it('P3: an older attempt changes nothing, and a turn ends once', async () => {
  const { turn } = await running();
  const { tenantUuid } = tenant;
  // An owner that lives: the turns of one that is not known are taken over at once.
  const owner = stack.app.get(Replica).id;
  const claim = { id: turn.id, seenAttempt: turn.attempt, owner, deadlineMs: 60_000 };
  const claims = await Promise.all(Array.from({ length: 8 }, () => inTenant('', (tx) => claimTurn(tx, tenantUuid, claim))));
  const [taken, ...others] = claims.filter((won) => won !== undefined);
  expect(others).toEqual([]);
  expect(taken).toMatchObject({ attempt: turn.attempt + 1, state: 'running' });
  if (taken === undefined) throw new Error('nobody won');
  expect(await inTenant('', (tx) => countModelCall(tx, tenantUuid, turn.id, turn.attempt))).toBe(false);
  expect(await inTenant('', (tx) => finishTurn(tx, tenantUuid, turn, result))).toBe(false);
  const ends = await Promise.all(Array.from({ length: 8 }, () => inTenant('', (tx) => finishTurn(tx, tenantUuid, taken, result))));
  expect(ends.filter(Boolean)).toHaveLength(1);
  expect(await inTenant('', (tx) => requestStop(tx, tenantUuid, turn))).toBeUndefined();
});

it('P3: what an older attempt sends along with its end is taken back, COMMIT or not', async () => {
  const { turn } = await running();
  const { tenantUuid } = tenant;
  const stopAlong = (attempt: number) =>
    stack.db.atOnce(tenantUuid, async (tx) => {
      const stopping = requestStop(tx, tenantUuid, turn);
      stopping.catch(() => undefined);
      await finishOrFail(tx, tenantUuid, { ...turn, attempt }, result);
    });
  const stopRequested = async () =>
    (await inTenant('', (tx) => rows<{ at: Date | null }>(tx, 'SELECT stop_requested_at AS at FROM turns WHERE id = $1', [turn.id])))[0]
      ?.at;
  await expect(stopAlong(turn.attempt - 1)).rejects.toThrow(TurnLost);
  expect(await stopRequested()).toBeNull();
  await stopAlong(turn.attempt);
  expect(await stopRequested()).not.toBeNull();
  await expect(stopAlong(turn.attempt)).rejects.toThrow(TurnLost);
});

it('one turn of a conversation is unfinished at a time, and the next has its place when it ends', async () => {
  const { turn } = await running();
  const { tenantUuid } = tenant;
  await expect(inTenant('', (tx) => insertTurn(tx, tenantUuid, { ...waitingTurn(turn, 90), state: 'queued' }))).rejects.toThrow(
    'turns_one_unfinished',
  );
  const next = await inTenant('', (tx) => insertTurn(tx, tenantUuid, waitingTurn(turn, 91)));
  expect(await inTenant('', (tx) => promoteNext(tx, tenantUuid, turn.conversationId))).toBe(false);
  expect(await inTenant('', (tx) => requestStop(tx, tenantUuid, next))).toMatchObject({ state: 'stopped', begun: false });
  expect(await inTenant('', (tx) => requestStop(tx, tenantUuid, turn))).toMatchObject({ state: 'running', begun: true });
});

it('P1: a message that is committed while the answer before it ends is not forgotten', async () => {
  const { answer, turn } = await running(30);
  const { tenantUuid } = tenant;
  const watcher = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.database) });
  await watcher.connect();
  const held = await inTenant('', async (tx) => {
    // What a commit does first; the running answer now ends, and has to wait for us.
    const locked = await stack.app
      .get(ConversationsRepository, { strict: false })
      .lock(tx, tenantUuid, turn, { kind: 'id', id: turn.conversationId });
    const blocked = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    await expect.poll(async () => (await watcher.query(blocked)).rowCount, { timeout: 10_000 }).toBeGreaterThan(0);
    return insertTurn(tx, tenantUuid, waitingTurn(turn, (locked?.position ?? 0) + 1));
  });
  await watcher.end();
  expect((await answer.finished()).done).toBe(true);
  await expect
    .poll(async () => (await inTenant('', (tx) => findTurn(tx, tenantUuid, held.id)))?.state, { timeout: 10_000 })
    .toBe('completed');
});

it('P9: a turn that its owner drops each time is taken up a bounded number of times', async () => {
  const { turn } = await running();
  // Another replica's, so that the one under test leaves it alone.
  const self = randomUUID();
  const view = { self, gone: [], held: [] };
  const dropped = async (attempt: number) => {
    await asSuperuser(stack.postgresUrl, stack.database, [
      `INSERT INTO replicas (id, role) VALUES ('${self}', 'all') ON CONFLICT DO NOTHING`,
      `UPDATE turns SET owner = '${self}', attempt = ${attempt}, runs = ${attempt}, started_at = now() - interval '1 minute' WHERE id = '${turn.id}'`,
    ]);
    return (await stack.system.run('turn-sweep', (tx) => orphanedTurns(tx, view, 100))).some(({ id }) => id === turn.id);
  };
  expect(await dropped(maxAttempts)).toBe(true);
  expect(await dropped(maxAttempts + 1)).toBe(false);
});
