import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { redisKeys, RedisConnections } from '../../../platform/redis/index.ts';
import { type AppendRequest, LogStore, parsePublished, type StoredLog } from './log-store.ts';

const url = new URL(inject('redisUrl'));
url.pathname = `/${process.env['VITEST_POOL_ID'] ?? '1'}`;
const connections = new RedisConnections({ url: url.href, commandTimeoutMs: 2_000 });
await connections.whenReady(5_000);
const store = new LogStore(connections);
const tenantId = randomUUID();
let turnId: string;

beforeEach(() => {
  turnId = randomUUID();
});
afterAll(() => connections.onApplicationShutdown());

function batch(first: number, count: number, over: Partial<AppendRequest> = {}): AppendRequest {
  return {
    tenantId,
    turnId,
    attempt: 1,
    epoch: 1,
    first,
    count,
    bytes: Buffer.from([first, 0xff, count]),
    last: false,
    ttlMs: 60_000,
    ...over,
  };
}

const append = async (...requests: AppendRequest[]) => store.appendAll(requests);
const create = (attempt = 1, epoch = 1) => store.create(tenantId, turnId, { attempt, epoch }, 60_000);
const shape = (log: StoredLog | undefined) => log?.batches.map(({ first, count, attempt }) => [first, count, attempt]);

describe('P3: the log', () => {
  it('takes batches in order, as the same bytes, and gives them from any number on', async () => {
    expect(await create()).toBe('ok');
    expect(await append(batch(0, 2), batch(2, 3), batch(5, 1))).toEqual(['ok', 'ok', 'ok']);
    expect(await store.read(tenantId, turnId, 0)).toMatchObject({ epoch: 1, next: 6, sealed: false });
    expect(shape(await store.read(tenantId, turnId, 0))).toEqual([
      [0, 2, 1],
      [2, 3, 1],
      [5, 1, 1],
    ]);
    // From the middle of a batch: that batch and what follows.
    expect(shape(await store.read(tenantId, turnId, 3))).toEqual([
      [2, 3, 1],
      [5, 1, 1],
    ]);
    expect((await store.read(tenantId, turnId, 0))?.batches[0]?.sealed).toEqual(Buffer.from([0, 0xff, 2]));
  });

  it('is not taken over while it is being brought back: a part of it looks like all of it', async () => {
    expect(await store.create(tenantId, turnId, { attempt: 1, epoch: 1 }, 60_000, 5)).toBe('ok');
    await append(batch(0, 2));
    expect(await store.fence(tenantId, turnId, 2, 60_000)).toBe('missing');
    await append(batch(2, 3));
    expect(await store.fence(tenantId, turnId, 2, 60_000)).toMatchObject({ next: 5 });
  });

  it('counts a batch that is written again once, and refuses a gap', async () => {
    await create();
    expect(await append(batch(0, 2), batch(0, 2), batch(4, 1))).toEqual(['ok', 'ok', 'gap']);
    expect(shape(await store.read(tenantId, turnId, 0))).toEqual([[0, 2, 1]]);
  });

  it('takes nothing after its seal, but knows the last batch again', async () => {
    await create();
    expect(await append(batch(0, 1, { last: true }), batch(1, 1), batch(0, 1, { last: true }))).toEqual(['ok', 'stale', 'ok']);
    expect(await store.read(tenantId, turnId, 0)).toMatchObject({ sealed: true, next: 1 });
  });

  it('that an earlier attempt makes late is refused: whoever read it would lose its place', async () => {
    // The next attempt looks before the first one's log is there.
    expect(await store.fence(tenantId, turnId, 2, 60_000)).toBe('missing');
    expect(await create(1, 1)).toBe('stale');
    expect(await append(batch(0, 1))).toEqual(['stale']);
    expect(await store.read(tenantId, turnId, 0)).toBeUndefined();
    expect(await store.fence(tenantId, turnId, 1, 60_000)).toBe('stale');
    expect(await append(batch(0, 1, { attempt: 2 }))).toEqual(['missing']);
    expect(await store.fence(tenantId, turnId, 2, 60_000)).toBe('missing');
    expect(await create(2, 2)).toBe('ok');
    expect(await append(batch(0, 1, { attempt: 2, epoch: 2 }))).toEqual(['ok']);
    expect(await store.fence(tenantId, turnId, 3, 60_000)).toMatchObject({ epoch: 2, next: 1 });
  });

  it('is missing until somebody makes it', async () => {
    expect(await append(batch(0, 1))).toEqual(['missing']);
    expect(await store.read(tenantId, turnId, 0)).toBeUndefined();
    expect(await store.fence(tenantId, turnId, 2, 60_000)).toBe('missing');
  });

  it('survives the loss of the scripts', async () => {
    await create();
    await connections.commands.script('FLUSH');
    expect(await append(batch(0, 1))).toEqual(['ok']);
    await connections.commands.script('FLUSH');
    expect(await store.read(tenantId, turnId, 0)).toMatchObject({ next: 1 });
  });

  it('publishes each batch once', async () => {
    const listener = new Redis(url.href);
    const heard: unknown[] = [];
    await listener.subscribe(redisKeys.turnChannel(tenantId, turnId));
    const last = new Promise<void>((resolve) => {
      listener.on('messageBuffer', (_channel: Buffer, payload: Buffer) => {
        heard.push(parsePublished(payload));
        if (heard.length === 2) resolve();
      });
    });
    await create();
    await append(batch(0, 1), batch(0, 1), batch(1, 2, { last: true }));
    await last;
    listener.disconnect();
    expect(heard).toEqual([
      { attempt: 1, epoch: 1, first: 0, count: 1, last: false, sealed: Buffer.from([0, 0xff, 1]) },
      { attempt: 1, epoch: 1, first: 1, count: 2, last: true, sealed: Buffer.from([1, 0xff, 2]) },
    ]);
  });
});

describe('P3: the fence', () => {
  it('gives the prefix and refuses every later write of the earlier attempt', async () => {
    await create();
    await append(batch(0, 2));
    expect(await store.fence(tenantId, turnId, 2, 60_000)).toMatchObject({ epoch: 1, next: 2, sealed: false });
    expect(await append(batch(2, 1))).toEqual(['stale']);
    expect(await create()).toBe('stale');
    expect(await append(batch(2, 1, { attempt: 2 }))).toEqual(['ok']);
    expect(shape(await store.read(tenantId, turnId, 0))).toEqual([
      [0, 2, 1],
      [2, 1, 2],
    ]);
  });

  it('refuses an earlier attempt that comes late', async () => {
    await create(3);
    expect(await store.fence(tenantId, turnId, 2, 60_000)).toBe('stale');
  });

  it('holds in a race: whatever the order, the prefix that was given is all that the earlier attempt wrote', async () => {
    for (let round = 0; round < 30; round += 1) {
      turnId = randomUUID();
      await create();
      const writes = Array.from({ length: 10 }, (_, at) => append(batch(at, 1)));
      const [taken, ...outcomes] = await Promise.all([store.fence(tenantId, turnId, 2, 60_000), ...writes]);
      const written = outcomes.flat().filter((outcome) => outcome === 'ok').length;
      expect((taken as StoredLog).next).toBe(written);
      expect(await store.read(tenantId, turnId, 0)).toMatchObject({ next: written });
    }
  });

  it('keeps a later epoch from being overwritten', async () => {
    await create(2, 2);
    expect(await create(2, 1)).toBe('stale');
    expect(await append(batch(0, 1, { attempt: 2, epoch: 1 }))).toEqual(['stale']);
  });
});
