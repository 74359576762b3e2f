import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '../../../scripts/local/app.mjs';
import { runtimeUrl } from '../../../scripts/local/database-urls.mjs';
import { startDemoModel } from '../../../scripts/local/demo-model.mjs';
import { freePort } from '../../../scripts/local/ports.mjs';
import { ensureDatabase, type Service } from '../../../scripts/local/postgres.mjs';
import type { Tenant } from '../clients/conversations.ts';
import { FaultProxy } from './fault-proxy.ts';
import { type Entrance, openEntrance } from './entrance.ts';
import { OwnPostgres, OwnRedis } from './owned-services.ts';
import { ReplicaProcess } from './replica-process.ts';
import { signUp } from './sign-up.ts';

/** How a stack is built. */
export interface StackOptions {
  seed: number;
  replicas: number;
  tenants: number;
  /** Let Postgres wait for the disk. */
  fsync: boolean;
  /** A real proxy in front of the replicas; `none` lets clients choose a replica themselves. */
  proxy: 'none' | 'haproxy' | 'nginx' | 'apache';
}

/** Provider calls of one attempt at most: the setting that the servers get. */
export const callsPerAttempt = 3;
/** Attempts of one turn that may call the model: the product's documented bound. */
export const attemptsPerTurn = 5;

/** Everything that a run disturbs: replicas as child processes, and a fault proxy on each way between two of them. */
export class FaultStack {
  readonly postgres: OwnPostgres;
  readonly redis: OwnRedis;
  readonly model: Service;
  readonly replicas: ReplicaProcess[];
  readonly tenants: Tenant[];
  readonly entrance: Entrance;
  /** Between the replicas and what is behind them. */
  readonly behind: { postgres: FaultProxy; redis: FaultProxy; model: FaultProxy };
  /** URLs as superuser, past the proxies, and the key of all keys: what an auditor would have. */
  readonly owner: { main: string; keystore: string; masterKey: Buffer };
  readonly folder: string;

  private constructor(parts: Omit<FaultStack, 'heal' | 'close' | 'ownedBy'>) {
    this.postgres = parts.postgres;
    this.redis = parts.redis;
    this.model = parts.model;
    this.replicas = parts.replicas;
    this.tenants = parts.tenants;
    this.entrance = parts.entrance;
    this.behind = parts.behind;
    this.owner = parts.owner;
    this.folder = parts.folder;
  }

  /** Starts everything; the server must have been built. */
  static async start(options: StackOptions): Promise<FaultStack> {
    const folder = await mkdtemp(join(tmpdir(), 'parley-faults-'));
    const base: NodeJS.ProcessEnv = { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_ENV: 'production' };
    const [postgres, redis, model] = await Promise.all([
      OwnPostgres.start(folder, options.fsync),
      OwnRedis.start(folder),
      startDemoModel({ env: base, logFile: join(folder, 'demo-model.log') }),
    ]);
    const host = '127.0.0.1';
    const behind = {
      postgres: await FaultProxy.start({ host, port: postgres.port }, { seed: options.seed + 1 }),
      redis: await FaultProxy.start({ host, port: redis.port }, { seed: options.seed + 2 }),
      model: await FaultProxy.start({ host, port: model.port }, { seed: options.seed + 3 }),
    };
    const main = await ensureDatabase(postgres.url, 'parley');
    const keystore = await ensureDatabase(postgres.url, 'parley_keystore');
    await postgres.durable(['parley', 'parley_keystore']);
    const masterKey = randomBytes(32);
    const through = (url: string, proxy: FaultProxy) => Object.assign(new URL(url), { port: String(proxy.port) }).href;
    const role = (url: string, name: string) => through(runtimeUrl(url, name, randomBytes(18).toString('base64url')), behind.postgres);
    const env: NodeJS.ProcessEnv = {
      ...base,
      DATABASE_URL: role(main, 'tenant'),
      DATABASE_SYSTEM_URL: role(main, 'system'),
      KEYSTORE_URL: role(keystore, 'keys'),
      REDIS_URL: through(redis.url, behind.redis),
      PARLEY_MASTER_KEY: masterKey.toString('base64'),
      OPENAI_BASE_URL: `${behind.model.url('http')}/v1`,
      OPENAI_API_KEY: 'faults',
      MODEL_DEFAULT: 'demo-large',
      MODEL_MAX_CALLS: String(callsPerAttempt),
      HOST: host,
      PUBLIC_URL: 'http://localhost:3000',
      CHAT_MESSAGES_PER_MINUTE: '1000000',
      PLAN_DEFAULT: 'enterprise',
      AUTH_SIGN_UP_PER_ADDRESS_PER_HOUR: '100000',
      DRAIN_TIMEOUT_MS: '2000',
    };
    await migrate({ ...env, DATABASE_OWNER_URL: main, KEYSTORE_OWNER_URL: keystore });
    const replicas = await startReplicas(options.replicas, { env, folder, main });
    const tenants = await Promise.all(
      Array.from({ length: options.tenants }, (_, at) => signUp(replicas[0]?.url ?? '', String.fromCharCode(97 + at))),
    );
    const entrance = await openEntrance({ kind: options.proxy, replicas, folder, seed: options.seed + 4 });
    return new FaultStack({
      postgres,
      redis,
      model,
      replicas,
      tenants,
      entrance,
      behind,
      owner: { main, keystore, masterKey },
      folder,
    });
  }

  /** Ends every disturbance, and resolves when all replicas are ready again. */
  async heal(): Promise<void> {
    for (const proxy of [...Object.values(this.behind), ...this.entrance.proxies]) proxy.heal();
    for (const replica of this.replicas) replica.wake();
    await Promise.all(this.replicas.filter(({ running }) => !running).map((replica) => replica.start()));
  }

  /** Public ids cannot be asked for here: UUIDs of the unfinished turns that an owner holds. */
  async ownedBy(ownerId: string): Promise<string[]> {
    const client = new pg.Client({ connectionString: this.owner.main });
    await client.connect();
    const found = await client.query<{ id: string }>(`SELECT id FROM turns WHERE state = 'running' AND owner = $1`, [ownerId]);
    await client.end();
    return found.rows.map(({ id }) => id);
  }

  /** Ends everything and removes the data; `keepFolder` leaves logs and data for a post-mortem. */
  async close(keepFolder = false): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.close()));
    await this.entrance.close();
    await Promise.all(Object.values(this.behind).map((proxy) => proxy.close()));
    await Promise.all([this.model.stop(), this.redis.stop(), this.postgres.stop()]);
    if (!keepFolder) await rm(this.folder, { recursive: true, force: true });
  }
}

async function startReplicas(count: number, { env, folder, main }: { env: NodeJS.ProcessEnv; folder: string; main: string }) {
  let tail: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = tail.then(work);
    tail = result.catch(() => undefined);
    return result;
  };
  const known = new Set<string>();
  const identify = async () => {
    const client = new pg.Client({ connectionString: main });
    client.on('error', () => undefined);
    await client.connect();
    const rows = (await client.query<{ id: string }>('SELECT id FROM replicas ORDER BY started_at DESC')).rows;
    await client.end();
    const fresh = rows.find(({ id }) => !known.has(id))?.id;
    if (fresh !== undefined) known.add(fresh);
    return fresh;
  };
  const replicas: ReplicaProcess[] = [];
  for (let at = 0; at < count; at += 1)
    replicas.push(new ReplicaProcess({ name: `replica-${at}`, port: await freePort(), env, folder, inTurn, identify }));
  await Promise.all(replicas.map((replica) => replica.start()));
  return replicas;
}
