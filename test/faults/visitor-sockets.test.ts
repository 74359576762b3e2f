import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uuidOf } from '../../src/kernel/ids.ts';
import { VisitorSockets } from '../../src/modules/chat/gateway/visitor-sockets.ts';
import { redisKeys } from '../../src/platform/redis/index.ts';
import { type ChatClient } from '../support/chat-client.ts';
import { asSuperuser } from '../support/services.ts';
import type { TestStack, TestTenant } from '../support/stack.ts';
import type { RunningServer } from '../../src/apps/server.main.ts';
import { openSocket, type RedisStack, until, withRedis } from './support/outage.ts';

const limit = 4;

let on: RedisStack;
let stack: TestStack;
let tenant: TestTenant;
let other: RunningServer;
let end: () => void;
let ended: Promise<void>;

beforeAll(async () => {
  await new Promise<void>((resolve, reject) => {
    ended = withRedis({ CHAT_SOCKETS_PER_VISITOR: String(limit) }, async (given) => {
      on = given;
      ({ stack, tenant } = given);
      other = await stack.replica();
      await new Promise<void>((stop) => {
        end = stop;
        resolve();
      });
      await other.stop();
    });
    ended.catch(reject);
  });
});

afterAll(async () => {
  end();
  await ended;
});

/** Opens sockets for one visitor at each of these servers in turn. */
async function open(visitor: string, ...urls: string[]): Promise<ChatClient[]> {
  const sockets: ChatClient[] = [];
  for (const url of urls) sockets.push(await openSocket(url, tenant, visitor));
  return sockets;
}

/** True when a socket may stay: the server answers on it. */
async function stays(socket: ChatClient): Promise<boolean> {
  const request = socket.resume('nothing');
  const last = await Promise.race([socket.ended(request).catch(() => undefined), socket.closed]);
  if (last !== undefined && 'code' in last) expect(last.code).toBe(4429);
  return last !== undefined && 'type' in last;
}

/** How many of these may stay. */
async function staying(sockets: ChatClient[]): Promise<number> {
  return (await Promise.all(sockets.map(stays))).filter(Boolean).length;
}

async function closeAll(sockets: ChatClient[]): Promise<void> {
  await Promise.all(sockets.map((socket) => socket.close()));
}

/** What Redis holds of the only visitor with open sockets. */
async function counts(): Promise<Record<string, string>> {
  const { Redis } = await import('ioredis');
  const admin = new Redis(on.redis.url);
  try {
    const [key] = await admin.keys(redisKeys.visitorSockets(uuidOf('tenant', tenant.tenantId) ?? '', '*').replaceAll(/[{}]/g, '?'));
    return key === undefined ? {} : await admin.hgetall(key);
  } finally {
    admin.disconnect();
  }
}

describe('P9: sockets of one visitor', () => {
  it('are bounded over all replicas, and a closed one makes room', async () => {
    const sockets = await open('both', stack.url, other.url, stack.url, other.url);
    expect(await staying(sockets)).toBe(limit);
    const more = await open('both', other.url, stack.url);
    expect(await staying(more)).toBe(0);
    // Another visitor is not concerned.
    const foreign = await open('somebody-else', stack.url);
    expect(await staying(foreign)).toBe(1);
    await closeAll([...sockets.slice(0, 1), ...foreign]);
    await until('room', 5_000, async () => {
      const [again] = await open('both', other.url);
      if (again === undefined || !(await stays(again))) return false;
      await closeAll([...sockets.slice(1), again]);
      return true;
    });
    await until('nothing left in Redis', 5_000, async () => Object.keys(await counts()).length === 0);
  });

  it('are counted again after a flush of Redis', async () => {
    const sockets = await open('flushed', stack.url, stack.url, other.url, other.url);
    expect(await staying(sockets)).toBe(limit);
    await on.redis.flush();
    await Promise.all([stack.app, other.app].map((app) => app.get(VisitorSockets).renew()));
    expect(Object.keys(await counts())).toHaveLength(2);
    expect(await staying(await open('flushed', stack.url))).toBe(0);
    await closeAll(sockets);
  });

  it('of a replica that is gone count no more', async () => {
    const sockets = await open('orphan', stack.url, stack.url);
    expect(await staying(sockets)).toBe(2);
    const { Redis } = await import('ioredis');
    const admin = new Redis(on.redis.url);
    const gone = crypto.randomUUID();
    const [key = ''] = await admin.keys('*:sockets');
    await admin.hset(key, gone, `${limit}:${Math.floor(Date.now() / 1_000)}`);
    expect(await staying(await open('orphan', stack.url))).toBe(0);
    // A heartbeat that stands still.
    await asSuperuser(stack.postgresUrl, stack.database, [`INSERT INTO replicas (id, role) VALUES ('${gone}', 'all')`]);
    await until('the dead to be seen as gone', 15_000, async () => {
      const [another] = await open('orphan', stack.url);
      if (another === undefined || !(await stays(another))) return false;
      await another.close();
      return true;
    });
    expect(await admin.hexists(key, gone)).toBe(0);
    admin.disconnect();
    await closeAll(sockets);
  });

  it('while Redis is away, are bounded on each replica alone', async () => {
    on.proxy.refuse();
    const sockets = await open('away', ...Array.from({ length: limit + 1 }, () => stack.url));
    expect(await staying(sockets)).toBe(limit);
    const there = await open('away', other.url);
    expect(await staying(there)).toBe(1);
    on.proxy.accept();
    await closeAll([...sockets.slice(0, limit), ...there]);
  });
});
