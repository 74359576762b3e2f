import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { type Service, startPostgres } from '../../../scripts/local/postgres.mjs';
import { startRedis } from '../../../scripts/local/redis.mjs';
import { askRedis } from '../../../scripts/local/redis-client.mjs';

/** A Postgres that can be ended at once and started again on its port. */
export class OwnPostgres {
  private service: Service;
  private readonly options: { dir: string; fsync: boolean; sharedBuffers: string };

  private constructor(service: Service, options: { dir: string; fsync: boolean; sharedBuffers: string }) {
    this.service = service;
    this.options = options;
  }

  /** `fsync` false spares the disk, not the promise: a commit is still written before it is answered (see `durable`). */
  static async start(folder: string, fsync: boolean): Promise<OwnPostgres> {
    const options = { dir: join(folder, 'postgres'), fsync, sharedBuffers: '128MB' };
    return new OwnPostgres(await startPostgres(options), options);
  }

  /** As superuser, database `postgres`. */
  get url(): string {
    return this.service.url;
  }

  /** The port, which stays. */
  get port(): number {
    return this.service.port;
  }

  /** Without fsync the launcher also switches synchronous commits off, which a crash of Postgres would not forgive. */
  async durable(databases: string[]): Promise<void> {
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    for (const name of databases) await client.query(`ALTER DATABASE ${name} SET synchronous_commit = on`);
    await client.end();
  }

  /** An immediate shutdown (no checkpoint, all connections cut), and a start that recovers. */
  async restart(): Promise<void> {
    process.kill(this.service.pid, 'SIGQUIT');
    await this.service.exit;
    this.service = await startPostgres({ ...this.options, port: this.service.port });
  }

  /** Ends it. */
  stop(): Promise<void> {
    return this.service.stop();
  }
}

/** A Redis that can be killed and started again, with what it had or empty. */
export class OwnRedis {
  private service: Service;
  private readonly options: { dir: string; persistence: 'aof'; password: string };

  private constructor(service: Service, options: { dir: string; persistence: 'aof'; password: string }) {
    this.service = service;
    this.options = options;
  }

  static async start(folder: string): Promise<OwnRedis> {
    const options = { dir: join(folder, 'redis'), persistence: 'aof' as const, password: crypto.randomUUID() };
    return new OwnRedis(await startRedis(options), options);
  }

  /** With the password. */
  get url(): string {
    return this.service.url;
  }

  /** The port, which stays. */
  get port(): number {
    return this.service.port;
  }

  /** Forgets everything, while it runs. */
  async flush(): Promise<void> {
    await askRedis(this.url, [['FLUSHALL']], 5_000);
  }

  /** `kill -9` and a start; `keep` says whether it finds its data again. */
  async restart(keep: boolean): Promise<void> {
    process.kill(this.service.pid, 'SIGKILL');
    await this.service.exit;
    if (!keep) await rm(join(this.options.dir, 'appendonlydir'), { recursive: true, force: true });
    this.service = await startRedis({ ...this.options, port: this.service.port });
  }

  /** Ends it. */
  stop(): Promise<void> {
    return this.service.stop();
  }
}
