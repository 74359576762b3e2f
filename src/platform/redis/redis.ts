import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import { type RedisConfig, redisConfig } from './redis.config.ts';

/** Options of a connection: how it waits when Redis is away. */
export interface ConnectionOptions {
  /** Shown in CLIENT LIST. */
  name: string;
  /** True for connections that block or subscribe: they wait for Redis for ever. Others fail fast. */
  patient?: boolean;
}

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
