import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer } from '../../../scripts/local/app.mjs';
import type { Service } from '../../../scripts/local/postgres.mjs';

/** One replica: a child process that is ended in bad ways, and started again on its port. */
export class ReplicaProcess {
  /** The id of its boot in Postgres: owner of the turns that run there. Undefined while it is not known. */
  ownerId: string | undefined;
  /** How long each boot took from its start to being ready, in milliseconds, tries that failed included. */
  readonly boots: number[] = [];
  private service: Service | undefined;
  private stopped: NodeJS.Timeout | undefined;
  private starting: Promise<void> | undefined;
  private closing = false;

  readonly name: string;
  readonly port: number;
  private readonly env: NodeJS.ProcessEnv;
  private readonly folder: string;
  /** Waits for its turn to start: starts are costly, and one after the other. */
  private readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Owner id of a boot that has just become ready. */
  private readonly identify: () => Promise<string | undefined>;

  constructor(options: {
    name: string;
    port: number;
    env: NodeJS.ProcessEnv;
    folder: string;
    inTurn: <T>(work: () => Promise<T>) => Promise<T>;
    identify: () => Promise<string | undefined>;
  }) {
    this.name = options.name;
    this.port = options.port;
    this.env = options.env;
    this.folder = options.folder;
    this.inTurn = options.inTurn;
    this.identify = options.identify;
  }

  /** True while its process lives and answers to signals; a stopped one is not running. */
  get running(): boolean {
    return this.service !== undefined && this.stopped === undefined;
  }

  /** Base URL. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts it, trying again while what it needs is away. Resolves when it is ready, or is being closed. */
  start(): Promise<void> {
    this.starting ??= this.inTurn(() => this.startNow()).finally(() => (this.starting = undefined));
    return this.starting;
  }

  /** `kill -9`; resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** SIGTERM: it drains. Resolves when it is gone. */
  async terminate(): Promise<void> {
    await this.end('SIGTERM');
  }

  /** SIGSTOP, and SIGCONT after `ms` milliseconds: the sleeper that wakes up and believes itself the owner. */
  pause(ms: number): void {
    const { service } = this;
    if (service === undefined || this.stopped !== undefined) return;
    process.kill(service.pid, 'SIGSTOP');
    this.stopped = setTimeout(() => this.wake(), ms);
  }

  /** Ends a pause. */
  wake(): void {
    clearTimeout(this.stopped);
    this.stopped = undefined;
    if (this.service !== undefined) process.kill(this.service.pid, 'SIGCONT');
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    this.closing = true;
    await this.end('SIGKILL');
    await this.starting;
    await this.end('SIGKILL');
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { service } = this;
    if (service === undefined) return;
    clearTimeout(this.stopped);
    this.stopped = undefined;
    this.service = undefined;
    if (signal !== 'SIGKILL') process.kill(service.pid, 'SIGCONT');
    process.kill(service.pid, signal);
    await service.exit;
  }

  private async startNow(): Promise<void> {
    const began = performance.now();
    while (!this.closing && this.service === undefined) {
      try {
        const service = await startServer({
          env: { ...this.env, PORT: String(this.port) },
          logFile: join(this.folder, `${this.name}.log`),
          readyUrl: `${this.url}/readyz`,
        });
        this.boots.push(performance.now() - began);
        this.service = service;
        // One that ends by itself is started again by whoever looks after it.
        void service.exit.then(() => this.service === service && (this.service = undefined));
        this.ownerId = await this.identify().catch(() => undefined);
      } catch {
        await sleep(500);
      }
    }
  }
}
