import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Get, Module } from '@nestjs/common';
import { DiscoveryModule, NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis } from '../../scripts/local/redis.mjs';
import { startServer } from '../../src/apps/server.main.ts';
import { handlersWithoutAccess } from '../../src/apps/startup-checks.ts';
import { Access } from '../../src/platform/http/index.ts';
import { JobRegistry } from '../../src/platform/queue/index.ts';
import { createPino } from '../../src/platform/telemetry/index.ts';
import { asSuperuser, urlAs } from '../support/services.ts';
import { type TestStack, testStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await testStack();
});
afterAll(() => stack.close());

/** Starts one more server with other settings; gives why it refused. */
async function refusal(env: Record<string, string>): Promise<string> {
  try {
    const server = await startServer({ ...stack.env, ...env }, createPino('silent'));
    await server.stop();
    return 'it started';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe('a handler that does not say who may call it', () => {
  @Controller('planted')
  class PlantedController {
    @Get('open')
    open() {
      return 'anything';
    }

    @Get('closed')
    @Access('authenticated')
    closed() {
      return 'something';
    }
  }

  @WebSocketGateway()
  class PlantedGateway {
    @SubscribeMessage('hello')
    hello(@MessageBody() body: unknown) {
      return body;
    }
  }

  @Module({ imports: [DiscoveryModule], controllers: [PlantedController], providers: [PlantedGateway] })
  class PlantedModule {}

  it('is found, route and gateway message alike', async () => {
    const app = await NestFactory.create(PlantedModule, new FastifyAdapter(), { logger: false });
    expect(handlersWithoutAccess(app)).toEqual([
      'PlantedController.open has no @Access: say who may call it.',
      'PlantedGateway.hello has no @Access: say who may call it.',
    ]);
    await app.close();
  });

  it('is not among ours', () => {
    expect(handlersWithoutAccess(stack.app)).toEqual([]);
    expect(stack.app.get(JobRegistry).problems()).toEqual([]);
  });
});

describe('the server does not start', () => {
  it('as a superuser', async () => {
    expect(await refusal({ DATABASE_URL: urlAs(stack.postgresUrl, stack.database) })).toContain('DATABASE_URL is a superuser');
    expect(await refusal({ DATABASE_SYSTEM_URL: urlAs(stack.postgresUrl, stack.database) })).toContain(
      'DATABASE_SYSTEM_URL is a superuser',
    );
  });

  it('as a role that bypasses row-level security, or is not in its group', async () => {
    await asSuperuser(stack.postgresUrl, 'postgres', [
      `DROP ROLE IF EXISTS test_bypass`,
      `CREATE ROLE test_bypass LOGIN BYPASSRLS PASSWORD 'test-role-password'`,
    ]);
    const problem = await refusal({ DATABASE_URL: urlAs(stack.postgresUrl, stack.database, 'test_bypass') });
    expect(problem).toContain('BYPASSRLS');
    expect(problem).toContain('not in the group parley_tenant');
    await asSuperuser(stack.postgresUrl, 'postgres', ['DROP ROLE test_bypass']);
  });

  it('as the owner of the tables', async () => {
    await asSuperuser(stack.postgresUrl, stack.database, [
      `DROP ROLE IF EXISTS test_owner`,
      `CREATE ROLE test_owner LOGIN PASSWORD 'test-role-password' IN ROLE parley_tenant`,
      'ALTER TABLE bots OWNER TO test_owner',
    ]);
    expect(await refusal({ DATABASE_URL: urlAs(stack.postgresUrl, stack.database, 'test_owner') })).toContain('owns tables');
    await asSuperuser(stack.postgresUrl, stack.database, [
      `REASSIGN OWNED BY test_owner TO CURRENT_USER`,
      'DROP OWNED BY test_owner',
      'DROP ROLE test_owner',
    ]);
  });

  it('on a Redis that evicts', async () => {
    // One of its own: the policy is the whole server's, and other tests run beside this one.
    const dir = await mkdtemp(join(tmpdir(), 'parley-evicting-'));
    const evicting = await startRedis({ dir });
    const client = new Redis(evicting.url);
    try {
      await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
      expect(await refusal({ REDIS_URL: evicting.url })).toContain('maxmemory-policy allkeys-lru');
    } finally {
      client.disconnect();
      await evicting.stop();
      await rm(dir, { recursive: true, force: true });
    }
  });

  it('on a schema that is not there, or not current', async () => {
    const empty = `${stack.database}_empty`;
    await asSuperuser(stack.postgresUrl, 'postgres', [`CREATE DATABASE ${empty}`]);
    const urls = {
      DATABASE_URL: urlAs(stack.postgresUrl, empty, 'test_tenant'),
      DATABASE_SYSTEM_URL: urlAs(stack.postgresUrl, empty, 'test_system'),
    };
    expect(await refusal(urls)).toContain('Run the migrate command');
    await asSuperuser(stack.postgresUrl, 'postgres', [`DROP DATABASE ${empty} WITH (FORCE)`]);
    await asSuperuser(stack.postgresUrl, stack.database, [
      `CREATE TABLE kept AS SELECT * FROM migrations`,
      `DELETE FROM migrations WHERE name LIKE 'Chat%'`,
    ]);
    expect(await refusal({})).toMatch(/not current \(Chat\d+ missing\)/);
    await asSuperuser(stack.postgresUrl, stack.database, [
      'INSERT INTO migrations SELECT * FROM kept ON CONFLICT DO NOTHING',
      'DROP TABLE kept',
    ]);
  });

  it('with wrong settings, and names all of them at once without their values', async () => {
    const problem = await refusal({ PORT: 'eighty', PARLEY_MASTER_KEY: 'c2hvcnQ=', LOG_LEVEL: 'loud', REDIS_URL: 'http://secret-host' });
    expect(problem).toMatch(/PORT is wrong/);
    expect(problem).toMatch(/PARLEY_MASTER_KEY is wrong \(must be 32 bytes/);
    expect(problem).toMatch(/REDIS_URL is wrong/);
    expect(problem).not.toMatch(/eighty|c2hvcnQ|secret-host/);
  });

  it('without Redis', async () => {
    expect(await refusal({ REDIS_URL: 'redis://127.0.0.1:9' })).toContain('Redis cannot be reached');
  });
});

describe('probes', () => {
  it('say that the replica lives, has started and is ready', async () => {
    for (const path of ['/livez', '/startupz', '/readyz']) expect((await stack.request('GET', path)).status).toBe(200);
    expect((await stack.request('GET', '/readyz')).body).toEqual({
      status: 'ready',
      checks: { database: 'ok', keystore: 'ok', redis: 'ok' },
    });
  });

  it('give metrics to this machine only, and not through a proxy', async () => {
    const direct = await stack.request('GET', '/metrics');
    expect(direct.status).toBe(200);
    expect(direct.body).toContain('http_server_request_duration_seconds');
    expect((await stack.request('GET', '/metrics', { headers: { 'x-forwarded-for': '203.0.113.9' } })).status).toBe(404);
  });

  it('are all that a worker answers, while it takes up turns', async () => {
    const worker = await stack.replica({ PARLEY_ROLE: 'worker' });
    expect((await fetch(`${worker.url}/readyz`)).status).toBe(200);
    for (const path of ['/', '/v1/bots', '/openapi.json', '/v1/chat']) expect((await fetch(worker.url + path)).status).toBe(404);
    const socket = new WebSocket(`${worker.url.replace('http', 'ws')}/v1/chat`);
    expect(await new Promise((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)))).toBe(1006);
    await worker.stop();
  });

  it('turn not ready when the replica drains, and stay alive', async () => {
    const leaving = await stack.replica({ DRAIN_DELAY_MS: '400' });
    const stopped = leaving.stop();
    const ready = await fetch(`${leaving.url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ status: 'draining' });
    expect((await fetch(`${leaving.url}/livez`)).status).toBe(200);
    await stopped;
  });
});
