import { randomBytes } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Redis } from 'ioredis';
import { inject } from 'vitest';
import { type RunningDemoModel, startDemoModel } from '../../src/apps/demo-model/server.ts';
import { type RunningServer, startServer } from '../../src/apps/server.main.ts';
import { uuidOf } from '../../src/kernel/ids.ts';
import { SystemDatabase, TenantDatabase } from '../../src/platform/database/index.ts';
import { createPino } from '../../src/platform/telemetry/index.ts';
import { asSuperuser, databaseUrls, templates } from './services.ts';

/** What a test may set. */
export interface StackOptions {
  /** Settings on top of the tests' own. */
  env?: Record<string, string>;
  /** Ways to the databases other than the straight one. */
  through?: { database: (url: string) => string; keystore: (url: string) => string };
  /** Gets each log line. */
  onLog?: (line: string) => void;
}

/** An HTTP answer. */
export interface Answer {
  status: number;
  /** Parsed JSON; its shape is the test's to assert. */
  body: any;
  headers: Headers;
}

/** How to call. */
export interface CallOptions {
  token?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** A tenant made by sign-up. */
export interface TestTenant {
  email: string;
  password: string;
  accessToken: string;
  refreshToken: string;
  tenantId: string;
  /** UUID of the tenant. */
  tenantUuid: string;
  userId: string;
  apiKey: string;
  apiKeyId: string;
  botId: string;
}

/** A whole server on databases of its own, with the demo model behind it. */
export interface TestStack {
  server: RunningServer;
  app: NestFastifyApplication;
  url: string;
  wsUrl: string;
  model: RunningDemoModel;
  db: TenantDatabase;
  system: SystemDatabase;
  redis: Redis;
  env: Record<string, string>;
  postgresUrl: string;
  database: string;
  keystore: string;
  request: (method: string, path: string, options?: CallOptions) => Promise<Answer>;
  /** Signs up a tenant with a secret key and a bot. */
  tenant: (bot?: Record<string, unknown>) => Promise<TestTenant>;
  /** One more replica on the same databases. */
  replica: (env?: Record<string, string>) => Promise<RunningServer>;
  close: () => Promise<void>;
}

let count = 0;

/** Starts a server with fresh databases (copies of the migrated templates) and an empty Redis database. */
export async function testStack(options: StackOptions = {}): Promise<TestStack> {
  const postgresUrl = inject('postgresUrl');
  const redisUrl = new URL(inject('redisUrl'));
  redisUrl.pathname = `/${process.env['VITEST_POOL_ID'] ?? '1'}`;
  const suffix = `${process.pid}_${(count += 1)}_${randomBytes(3).toString('hex')}`;
  const database = `test_${suffix}`;
  const keystore = `test_keys_${suffix}`;
  await asSuperuser(postgresUrl, 'postgres', [
    `CREATE DATABASE ${database} TEMPLATE ${templates.main}`,
    `CREATE DATABASE ${keystore} TEMPLATE ${templates.keystore}`,
  ]);
  const redis = new Redis(redisUrl.href);
  await redis.flushdb();
  const model = await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 0 });
  const urls = databaseUrls(postgresUrl, database, keystore);
  const by = options.through ?? { database: (url: string) => url, keystore: (url: string) => url };
  const env: Record<string, string> = {
    DATABASE_URL: by.database(urls.tenantUrl),
    DATABASE_SYSTEM_URL: by.database(urls.systemUrl),
    KEYSTORE_URL: by.keystore(urls.keystoreUrl),
    REDIS_URL: redisUrl.href,
    PARLEY_MASTER_KEY: randomBytes(32).toString('base64'),
    OPENAI_BASE_URL: `${model.url}/v1`,
    OPENAI_API_KEY: 'test',
    MODEL_DEFAULT: 'demo-small',
    PORT: '0',
    PUBLIC_URL: 'http://localhost:3000',
    DATABASE_POOL_SIZE: '10',
    PLAN_DEFAULT: 'enterprise',
    AUTH_SIGN_UP_PER_ADDRESS_PER_HOUR: '100000',
    AUTH_SIGN_IN_PER_ADDRESS_PER_MINUTE: '100000',
    AUTH_TICKETS_PER_ADDRESS_PER_MINUTE: '100000',
    // Nobody answers there: no test asks the name servers of the machine.
    AUTH_DNS_SERVERS: '127.0.0.1:9',
    LOG_LEVEL: options.onLog === undefined ? 'silent' : 'debug',
    ...options.env,
  };
  const { onLog } = options;
  const log = onLog === undefined ? createPino('silent') : createPino(env['LOG_LEVEL'] ?? 'debug', { write: onLog });
  const server = await startServer(env, log);
  const replicas: RunningServer[] = [];
  const request = caller(server.url);
  return {
    server,
    app: server.app,
    url: server.url,
    wsUrl: `${server.url.replace('http', 'ws')}/v1/chat`,
    model,
    db: server.app.get(TenantDatabase),
    system: server.app.get(SystemDatabase),
    redis,
    env,
    postgresUrl,
    database,
    keystore,
    request,
    tenant: (bot) => makeTenant(request, bot),
    replica: async (more = {}) => {
      const another = await startServer({ ...env, ...more }, log);
      replicas.push(another);
      return another;
    },
    close: async () => {
      for (const another of replicas) await another.stop().catch(() => undefined);
      await server.stop();
      await model.close();
      redis.disconnect();
      await asSuperuser(postgresUrl, 'postgres', [`DROP DATABASE ${database} WITH (FORCE)`, `DROP DATABASE ${keystore} WITH (FORCE)`]);
    },
  };
}

/** Calls a server's API with JSON. */
export function caller(url: string) {
  return async (method: string, path: string, { token, body, headers = {} }: CallOptions = {}): Promise<Answer> => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, body: isJson && text !== '' ? JSON.parse(text) : text, headers: response.headers };
  };
}

async function makeTenant(request: TestStack['request'], bot: Record<string, unknown> = {}): Promise<TestTenant> {
  const email = `owner-${randomBytes(6).toString('hex')}@example.com`;
  const password = randomBytes(12).toString('base64url');
  const session = await request('POST', '/v1/auth/sign-up', { body: { email, password, tenant_name: 'Test tenant' } });
  if (session.status !== 201) throw new Error(`sign-up: ${session.status} ${JSON.stringify(session.body)}`);
  const token = session.body.access_token as string;
  const key = await request('POST', '/v1/api-keys', { token, body: { name: 'Test key' } });
  if (key.status !== 201) throw new Error(`api key: ${key.status} ${JSON.stringify(key.body)}`);
  const made = await request('POST', '/v1/bots', { token, body: { name: 'Test bot', instructions: 'Be brief.', ...bot } });
  if (made.status !== 201) throw new Error(`bot: ${made.status} ${JSON.stringify(made.body)}`);
  const tenantId = session.body.tenant_id as string;
  return {
    email,
    password,
    accessToken: token,
    refreshToken: session.body.refresh_token as string,
    tenantId,
    tenantUuid: uuidOf('tenant', tenantId) as string,
    userId: session.body.user_id as string,
    apiKey: key.body.key as string,
    apiKeyId: key.body.id as string,
    botId: made.body.id as string,
  };
}
