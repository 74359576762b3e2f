import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, seedDemo } from '../scripts/local/app.mjs';
import { runtimeUrl } from '../scripts/local/database-urls.mjs';
import { startDemoModel } from '../scripts/local/demo-model.mjs';
import { freePort } from '../scripts/local/ports.mjs';
import { ensureDatabase, startPostgres } from '../scripts/local/postgres.mjs';
import { waitUntil } from '../scripts/local/processes.mjs';
import { startRedis } from '../scripts/local/redis.mjs';
import { setFarLimits } from './far-limits.ts';
import type { Target } from './load/fleet.ts';
import { type Asked, type Processes, root } from './processes.ts';
import { cpuOf, cpuOfTree } from './usage.ts';
import { Witness } from './witness.ts';

/** Flags of the measured processes: the same for both, so that neither is favoured. */
const measuredFlags = ['--enable-source-maps', '--expose-gc', '--import', join(root, 'bench', 'probe.ts')];
const startLimitMs = 30_000;
/** What has no accounts. */
const anonymous = { headers: {}, namesVisitors: false };
/** A target has nothing to save: its sockets are closed and its databases are thrown away. */
const targetGraceMs = 300;

/** CPU time so far, in microseconds. */
export interface CpuTimes {
  server: number;
  redis: number;
  postgres: number;
  model: number;
}

/** A target that can be ended by itself. */
export interface StartedTarget extends Target {
  stop: () => Promise<void>;
}

/** Loopback ports of what stands behind a server. */
export interface ServicePorts {
  redis: number;
  postgres: number;
  model: number;
}

/** Plan of the tenant: it has no limits of its own. */
const plan = 'enterprise';

interface Parts {
  /** Holds the built server. */
  dist: string;
  folder: string;
  ports: ServicePorts;
  modelUrl: string;
  serverEnv: NodeJS.ProcessEnv;
  account: { api_key: string; bot_id: string };
  pids: { redis: number; postgres: number; model: number };
}

/** Everything that the measures need, running. */
export class Stack {
  /** Holds data and logs; removed at the end. */
  readonly folder: string;
  readonly witness: Witness;
  private readonly processes: Processes;
  private readonly parts: Parts;

  private constructor(processes: Processes, parts: Parts) {
    this.processes = processes;
    this.parts = parts;
    this.folder = parts.folder;
    this.witness = new Witness(parts.modelUrl);
  }

  /** Starts Postgres, Redis and the demo model, migrates, and makes a tenant. Servers will be started from `dist`; `limits`: see Options. */
  static async start(processes: Processes, dist: string, limits: boolean): Promise<Stack> {
    const folder = await mkdtemp(join(tmpdir(), 'parley-bench-'));
    processes.keep(() => rm(folder, { recursive: true, force: true }));
    const env: NodeJS.ProcessEnv = { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_ENV: 'production' };
    const [postgres, redis, model] = await Promise.all([
      startPostgres({ dir: join(folder, 'postgres'), sharedBuffers: '128MB' }).then(kept(processes)),
      startRedis({ dir: join(folder, 'redis'), persistence: 'aof' }).then(kept(processes)),
      startDemoModel({ env: { ...env, DEMO_MODEL_WITNESS_BODIES: '0' }, logFile: join(folder, 'demo-model.log') }).then(kept(processes)),
    ]);
    const owner = await ensureDatabase(postgres.url, 'parley');
    const keystoreOwner = await ensureDatabase(postgres.url, 'parley_keystore');
    const serverEnv: NodeJS.ProcessEnv = {
      ...env,
      DATABASE_URL: runtimeUrl(owner, 'tenant', randomBytes(18).toString('base64url')),
      DATABASE_SYSTEM_URL: runtimeUrl(owner, 'system', randomBytes(18).toString('base64url')),
      KEYSTORE_URL: runtimeUrl(keystoreOwner, 'keys', randomBytes(18).toString('base64url')),
      REDIS_URL: redis.url,
      PARLEY_MASTER_KEY: randomBytes(32).toString('base64'),
      OPENAI_BASE_URL: `${model.url}/v1`,
      OPENAI_API_KEY: 'bench',
      MODEL_DEFAULT: 'demo-large',
      HOST: '127.0.0.1',
      PUBLIC_URL: 'http://localhost:3000',
      // The load is meant to be served, not to be refused.
      CHAT_MESSAGES_PER_MINUTE: '1000000',
      PLAN_DEFAULT: plan,
      CHAT_MAX_RUNNING_TURNS: '10000',
      DRAIN_TIMEOUT_MS: '1000',
    };
    await migrate({ ...serverEnv, DATABASE_OWNER_URL: owner, KEYSTORE_OWNER_URL: keystoreOwner });
    if (limits) await setFarLimits(owner, plan);
    const account = await seedDemo(serverEnv);
    if (account === undefined) throw new Error('the demo tenant was there already');
    const pids = { redis: redis.pid, postgres: postgres.pid, model: model.pid };
    const ports = { redis: redis.port, postgres: postgres.port, model: model.port };
    return new Stack(processes, { dist, folder, ports, modelUrl: model.url, serverEnv, account, pids });
  }

  /** Holds the built server. */
  get dist(): string {
    return this.parts.dist;
  }

  /** The database of tenants, as its runtime role. */
  get tenantUrl(): string {
    return this.parts.serverEnv['DATABASE_URL'] ?? '';
  }

  /** Where the services listen. */
  get ports(): ServicePorts {
    return this.parts.ports;
  }

  /** Starts a server of its own on the shared services, or on what listens on `ports` instead of them; gives it when it is ready. */
  async startParley(ports: ServicePorts = this.ports): Promise<StartedTarget> {
    const port = await freePort();
    const logFile = join(this.folder, 'server.log');
    const script = join(this.parts.dist, 'src', 'apps', 'server.main.js');
    const child = this.processes.start({
      command: [...measuredFlags, script],
      env: { ...this.behind(ports), PORT: String(port) },
      logFile,
    });
    const ready = await waitUntil(() => isReady(`http://127.0.0.1:${port}/readyz`), { everyMs: 25, limitMs: startLimitMs });
    if (ready !== true) throw new Error(`the server was not ready after ${startLimitMs} ms`);
    const { api_key: key, bot_id: bot } = this.parts.account;
    return {
      ...targetOf('parley', child),
      url: `ws://127.0.0.1:${port}/v1/chat?bot_id=${bot}`,
      headers: { authorization: `Bearer ${key}` },
      speaks: 'frames',
      model: '',
      namesVisitors: true,
    };
  }

  /** The same server over OpenAI's API: its bot is the model. */
  overCompletions(parley: StartedTarget): StartedTarget {
    const url = new URL('/v1/chat/completions', parley.url.replace(/^ws/, 'http')).href;
    return { ...parley, url, speaks: 'completions', model: this.parts.account.bot_id };
  }

  /** Starts a bare relay on the same model. */
  async startRelay(): Promise<StartedTarget> {
    const { child, port } = await this.startBare('bare-relay.ts');
    return { ...targetOf('relay', child), ...anonymous, url: `ws://127.0.0.1:${port}/chat`, speaks: 'frames', model: '' };
  }

  /** Starts a bare relay of server-sent events on the same model. */
  async startSseRelay(): Promise<StartedTarget> {
    const { child, port } = await this.startBare('bare-sse-relay.ts');
    const url = `http://127.0.0.1:${port}/v1/chat/completions`;
    return { ...targetOf('relay', child), ...anonymous, url, speaks: 'completions', model: this.model };
  }

  /** Starts the peer, whose program that is, on the same model; gives it when it is ready. */
  async startPortkey(program: string): Promise<StartedTarget> {
    const port = await freePort();
    const logFile = join(this.folder, 'portkey.log');
    const { PATH, OPENAI_BASE_URL = '' } = this.parts.serverEnv;
    const command = [...measuredFlags, program, '--headless', `--port=${port}`];
    const child = this.processes.start({ command, env: { PATH, NODE_ENV: 'production' }, logFile });
    const ready = await waitUntil(() => isReady(`http://127.0.0.1:${port}/`), { everyMs: 25, limitMs: startLimitMs });
    if (ready !== true) throw new Error(`the peer was not ready after ${startLimitMs} ms`);
    const headers = { authorization: 'Bearer bench', 'x-portkey-provider': 'openai', 'x-portkey-custom-host': OPENAI_BASE_URL };
    const url = `http://127.0.0.1:${port}/v1/chat/completions`;
    return { ...targetOf('portkey', child), url, headers, namesVisitors: false, speaks: 'completions', model: this.model };
  }

  /** CPU time so far of a target and of what stands behind it. */
  cpu(target: Target): CpuTimes {
    const { redis, postgres, model } = this.parts.pids;
    return { server: cpuOf(target.pid), redis: cpuOf(redis), postgres: cpuOfTree(postgres), model: cpuOf(model) };
  }

  private get model(): string {
    return this.parts.serverEnv['MODEL_DEFAULT'] ?? '';
  }

  private async startBare(file: string): Promise<{ child: Asked; port: number }> {
    const { OPENAI_BASE_URL, MODEL_DEFAULT, PATH, RELAY_BYTES } = { ...process.env, ...this.parts.serverEnv };
    const env = { PATH, NODE_ENV: 'production', OPENAI_BASE_URL, MODEL_DEFAULT, ...(RELAY_BYTES !== undefined && { RELAY_BYTES }) };
    const child = this.processes.start({
      command: [...measuredFlags, join(root, 'bench', file)],
      env,
      logFile: join(this.folder, 'relay.log'),
    });
    let port: number | undefined;
    child.onNews((news) => {
      ({ port } = news as { port: number });
    });
    await waitUntil(() => port !== undefined, { everyMs: 10, limitMs: startLimitMs });
    if (port === undefined) throw new Error('a bare relay did not start');
    return { child, port };
  }

  /** A server's settings with other ports for its services. */
  private behind(ports: ServicePorts): NodeJS.ProcessEnv {
    const { serverEnv } = this.parts;
    const at = (name: string, port: number) => {
      const url = new URL(serverEnv[name] ?? '');
      url.port = String(port);
      return [name, url.href.replace(/\/$/, '')];
    };
    const databases = ['DATABASE_URL', 'DATABASE_SYSTEM_URL', 'KEYSTORE_URL'].map((name) => at(name, ports.postgres));
    return { ...serverEnv, ...Object.fromEntries([...databases, at('REDIS_URL', ports.redis), at('OPENAI_BASE_URL', ports.model)]) };
  }

  /** A folder for the logs of load processes. */
  loadFolder(): string {
    const folder = join(this.folder, 'load');
    mkdirSync(folder, { recursive: true });
    return folder;
  }
}

/** CPU time between two moments. */
export function cpuBetween(before: CpuTimes, after: CpuTimes): CpuTimes {
  return {
    server: after.server - before.server,
    redis: after.redis - before.redis,
    postgres: after.postgres - before.postgres,
    model: after.model - before.model,
  };
}

function kept<T extends { stop: () => Promise<void> }>(processes: Processes): (service: T) => T {
  return (service) => {
    processes.keep(() => service.stop());
    return service;
  };
}

function targetOf(name: Target['name'], child: Asked): Pick<StartedTarget, 'name' | 'pid' | 'ask' | 'stop'> {
  return { name, pid: child.pid, ask: child.ask, stop: () => child.stop(targetGraceMs) };
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}
