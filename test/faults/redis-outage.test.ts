import pg from 'pg';
import { describe, it } from 'vitest';
import { RedisConnections } from '../../src/platform/redis/index.ts';
import { ReplicaBus } from '../../src/platform/replicas/index.ts';
import { counted, scripted, send } from '../support/event-stream.ts';
import {
  aliveWithinMs,
  expectFrameRefused,
  expectRefused,
  openSocket,
  readOverSocket,
  readThrough,
  type RedisStack,
  sendBody,
  until,
  untilReadiness,
  watchLife,
  withRedis,
} from './support/outage.ts';

/** Length of an outage, in milliseconds: longer than readers of a finished answer wait for its last chunks. */
const outageMs = 11_500;
/** Redis commands that may wait at any moment while hints are sent at 1,000 a second. */
const mayWait = 5_000;

const faults = [
  { name: 'refuses connections', begin: ({ proxy }: RedisStack) => proxy.refuse() },
  { name: 'is a black hole', begin: ({ proxy }: RedisStack) => proxy.stall() },
];

describe.concurrent.each(faults)('P5: a Redis that $name for ten seconds', ({ begin }) => {
  it('costs no answer: sends are refused clearly, readers have it all once, and everything heals', { timeout: 90_000 }, ({ expect }) =>
    withRedis({}, async (on) => {
      const { stack, tenant, proxy } = on;
      const other = await stack.replica();
      const socket = await openSocket(stack.url, tenant);
      const long = socket.ask('long', scripted({ tokens: 800, tokens_per_second: 50 }));
      const short = await openSocket(stack.url, tenant);
      const shortRequest = short.ask('short', scripted({ tokens: 60, tokens_per_second: 50 }));
      const deleted = await (await send(stack.url, tenant, { conversation: 'deleted' })).finished();
      await socket.shows(long, 20);
      await short.shows(shortRequest, 20);
      const elsewhere = readThrough(other.url, tenant, 'long');
      elsewhere.catch(() => undefined);

      // Subscribed before the outage, and never again by the listener.
      const hintsArrive = await listen(other.app.get(ReplicaBus));

      begin(on);
      const outage = performance.now();
      const life = watchLife(stack);
      const most = watchQueues(on);
      await untilReadiness(stack, 'redis', 'unreachable', 2_500);
      const idle = await openSocket(stack.url, tenant);
      await Promise.all([
        expectRefused(stack, '/v1/chat', { token: tenant.apiKey, body: sendBody(tenant) }),
        expectRefused(stack, '/v1/chat/tickets', { token: tenant.apiKey, body: { bot_id: tenant.botId, visitor_id: 'v' } }),
        expectFrameRefused(idle.problem(idle.ask('refused', 'Hello'))),
      ]);
      // What needs no Redis goes on, and what must happen later waits in the outbox.
      const { conversation_id: id } = (deleted.events[0]?.chunk as { messageMetadata: { conversation_id: string } }).messageMetadata;
      expect((await stack.request('DELETE', `/v1/conversations/${id}`, { token: tenant.accessToken })).status).toBe(204);
      // Its end is in Postgres, and its last chunks cannot be shown: it is cut with 1012, and read from there while Redis is away.
      expect(await short.closed).toMatchObject({ code: 1012 });
      expect((await readOverSocket(stack.url, tenant, 'short')).text).toBe(counted(60));
      await until('end of the outage', outageMs, () => performance.now() - outage >= outageMs);
      proxy.heal();

      await untilReadiness(stack, 'redis', 'ok', 5_000);
      expect(await life()).toBeLessThan(aliveWithinMs);
      expect(most()).toBeLessThan(mayWait);
      expect((await socket.answer(long)).text).toBe(counted(800));
      expect((await elsewhere).text).toBe(counted(800));
      expect((await (await send(stack.url, tenant, { conversation: 'after', text: scripted({ tokens: 5 }) })).finished()).text).toBe(
        counted(5),
      );
      await hintsArrive(stack.app.get(ReplicaBus));
      await until('empty outbox', 15_000, async () => (await count(on, 'outbox', 'true')) === 0);
      expect(await count(on, 'turns', `state <> 'completed'`)).toBe(0);
      await other.stop();
    }),
  );
});

describe.concurrent('P9: while Redis is away', () => {
  it('an answer takes no more memory than it may have: it ends there, and is whole as far as it goes', { timeout: 60_000 }, ({ expect }) =>
    withRedis({ CHAT_ANSWER_BYTES: '4000' }, async ({ stack, tenant, proxy }) => {
      const socket = await openSocket(stack.url, tenant);
      const request = socket.ask('huge', scripted({ tokens: 3_000, tokens_per_second: 1_000 }));
      await socket.shows(request, 1);
      proxy.stall();
      // The model is told to stop long before its end.
      const call = await stack.model.witness.waitFor(() => true, 10_000);
      expect(call).toMatchObject({ outcome: 'aborted_by_client' });
      proxy.heal();
      const answer = await socket.answer(request);
      expect(answer.finishReason).toBe('length');
      expect(answer.text).toBe(counted(4_000).slice(0, 4_000));
    }),
  );
});

/** Sends hints at 1,000 a second and watches how many commands wait; the result stops it and gives the most. */
function watchQueues({ stack }: RedisStack): () => number {
  const bus = stack.app.get(ReplicaBus);
  const redis = stack.app.get(RedisConnections);
  let most = 0;
  const timer = setInterval(() => {
    for (let at = 0; at < 50; at += 1) bus.hint({ kind: 'recheck-credentials', tenantId: '00000000-0000-0000-0000-000000000000' });
    most = Math.max(most, redis.waiting);
  }, 50);
  return () => {
    clearInterval(timer);
    return most;
  };
}

/** Listens for hints on one replica; the result waits until one that another sends arrives. */
async function listen(to: ReplicaBus): Promise<(from: ReplicaBus) => Promise<void>> {
  const tenantId = crypto.randomUUID();
  let heard = false;
  await to.onHint('recheck-credentials', (hint) => {
    heard ||= hint.tenantId === tenantId;
  });
  return async (from) => {
    await until('hint', 5_000, () => {
      from.hint({ kind: 'recheck-credentials', tenantId });
      return heard;
    });
  };
}

async function count({ stack }: RedisStack, table: string, where: string): Promise<number> {
  const client = new pg.Client({ connectionString: Object.assign(new URL(stack.postgresUrl), { pathname: `/${stack.database}` }).href });
  await client.connect();
  const { rows } = await client.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table} WHERE ${where}`);
  await client.end();
  return rows[0]?.n ?? -1;
}
