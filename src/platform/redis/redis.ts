import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import { type RedisConfig, redisConfig } from './redis.config.ts';

/** Options of a connection: how it waits when Redis is away. */
export interface ConnectionOptions {
  /** Shown in CLIENT LIST. */
  name: string;
  /** True for connections that wait for Redis for ever (jobs). Others fail fast. */
  patient?: boolean;
  /** False for a connection whose owner subscribes again by itself. */
  autoResubscribe?: boolean;
}

/** Longest wait for a new connection, in milliseconds. */
const connectTimeoutMs = 2_000;
/** How much longer than for a command is waited before a silent connection is given up, in milliseconds. */
const silenceGraceMs = 500;
/** Silence after which a patient connection is given up, in milliseconds: longer than a worker blocks. */
const patientSilenceMs = 15_000;

/** Why Redis cannot be used although it answers; undefined when it can. */
export type RedisTrouble = `eviction policy is ${string}: set noeviction` | 'memory is full';

/**
 * Connections to Redis. Commands of the shared connection fail within the configured time when Redis is away (no offline
 * queue), so that a request gets a clear answer and nothing piles up in memory.
 */
@Injectable()
export class RedisConnections implements OnApplicationShutdown {
  /** For commands. */
  readonly commands: Redis;
  private readonly opened: Redis[] = [];
  private readonly logger = new Logger(RedisConnections.name);

  constructor(@Inject(redisConfig.token) private readonly config: RedisConfig) {
    this.commands = this.open({ name: 'parley-commands' });
  }

  /** Opens one more connection; it is closed with the application. */
  open(options: ConnectionOptions): Redis {
    const patient = options.patient ?? false;
    const connection = new Redis(this.config.url, {
      connectionName: options.name,
      maxRetriesPerRequest: patient ? null : 1,
      enableOfflineQueue: patient,
      enableReadyCheck: true,
      autoResubscribe: options.autoResubscribe ?? true,
      connectTimeout: connectTimeoutMs,
      // Without an answer the connection is given up, and with it what waits in it: a dead peer may never say so itself.
      socketTimeout: patient ? patientSilenceMs : this.config.commandTimeoutMs + silenceGraceMs,
      ...(patient ? {} : { commandTimeout: this.config.commandTimeoutMs }),
      retryStrategy: (attempt) => Math.min(50 * attempt, 1_000),
      reconnectOnError: (error) => error.message.startsWith('READONLY'),
    });
    let saidDown = false;
    connection.on('error', (error: Error) => {
      if (saidDown) return;
      saidDown = true;
      this.logger.warn({ connection: options.name, reason: error.message }, 'Redis connection failed; trying again');
    });
    connection.on('ready', () => {
      saidDown = false;
    });
    this.opened.push(connection);
    return connection;
  }

  /** Commands that wait for an answer or for a connection, over all connections. */
  get waiting(): number {
    return this.opened.reduce((total, connection) => total + queueLengths(connection), 0);
  }

  /** Asks Redis what would keep it from being used. Throws when it does not answer. */
  async trouble(): Promise<RedisTrouble | undefined> {
    const memory = await this.commands.info('memory');
    const value = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(memory)?.[1];
    const policy = value('maxmemory_policy') ?? 'unknown';
    if (policy !== 'noeviction') return `eviction policy is ${policy}: set noeviction`;
    const limit = Number(value('maxmemory'));
    return limit > 0 && Number(value('used_memory')) >= limit ? 'memory is full' : undefined;
  }

  /** Resolves when the shared connection is ready; throws when that takes longer than `timeoutMs` milliseconds. */
  async whenReady(timeoutMs: number): Promise<void> {
    if (this.commands.status === 'ready') return;
    await new Promise<void>((resolve, reject) => {
      let lastError = 'no answer';
      const onError = (error: Error) => {
        lastError = error.message || lastError;
      };
      const timer = setTimeout(() => {
        this.commands.off('error', onError);
        reject(new Error(`Redis cannot be reached (${lastError}). Is REDIS_URL right?`));
      }, timeoutMs);
      this.commands.on('error', onError);
      this.commands.once('ready', () => {
        clearTimeout(timer);
        this.commands.off('error', onError);
        resolve();
      });
    });
  }

  onApplicationShutdown(): void {
    for (const connection of this.opened) connection.disconnect();
  }
}

/** ioredis keeps two queues: commands that were sent, and those for which there is no connection. */
function queueLengths(connection: Redis): number {
  const { commandQueue, offlineQueue } = connection as unknown as Record<'commandQueue' | 'offlineQueue', { length: number }>;
  return commandQueue.length + offlineQueue.length;
}
