import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { commonErrors } from '../../kernel/app-error.ts';
import { redisKeys, RedisConnections } from '../redis/index.ts';
import { safeError } from '../telemetry/index.ts';

/** A hint for all replicas. Only ever a hint: whoever misses it finds the same in Postgres a little later. */
export type ReplicaHint =
  | { kind: 'stop-turn'; tenantId: string; turnId: string }
  | { kind: 'recheck-credentials'; tenantId: string }
  | { kind: 'visitor-banned'; tenantId: string; visitorId: string }
  /** Without a subject: all keys of the tenant. `erased`: they are gone for good, with whom they belonged to. */
  | { kind: 'keys-changed'; tenantId: string; subjectId: string | null; erased?: boolean };

/** Longest wait for a connection that is broken, in milliseconds. */
const connectWithinMs = 2_000;
/** How often the subscribing connection is asked for a sign of life, in milliseconds: a dead one looks like a quiet one. */
const pingMs = 1_000;

type MessageListener = (payload: Buffer) => void;

/** Publish and subscribe between replicas over one Redis connection. Subscriptions outlive the connection. */
@Injectable()
export class ReplicaBus implements OnApplicationShutdown {
  private readonly logger = new Logger(ReplicaBus.name);
  private readonly subscriber: Redis;
  private readonly channels = new Map<string, Set<MessageListener>>();
  private readonly lostListeners = new Set<() => void>();
  private readonly pinging: NodeJS.Timeout;

  constructor(private readonly redis: RedisConnections) {
    // It subscribes again itself, so that nothing piles up in it while Redis is away, and nothing comes back that nobody wants.
    this.subscriber = redis.open({ name: 'parley-subscriber', autoResubscribe: false });
    // One more for each reader that waits for the connection.
    this.subscriber.setMaxListeners(0);
    this.subscriber.on('messageBuffer', (channel: Buffer, payload: Buffer) => {
      for (const listener of this.channels.get(channel.toString()) ?? []) this.tell(listener, payload);
    });
    this.subscriber.on('close', () => this.lost());
    this.subscriber.on('ready', () => void this.renew());
    this.pinging = setInterval(() => this.ping(), pingMs);
  }

  /**
   * Listens on a channel; resolves when Redis has confirmed. Rejects when there is no connection within two seconds, or no answer
   * within the time of one command. The result stops listening.
   */
  async subscribe(channel: string, listener: MessageListener): Promise<() => void> {
    const stop = this.listen(channel, listener);
    try {
      // Also when somebody listens already: the confirmation must come after this call.
      await this.confirmed(channel);
      return stop;
    } catch (error) {
      stop();
      throw error;
    }
  }

  private listen(channel: string, listener: MessageListener): () => void {
    const listeners = this.channels.get(channel);
    if (listeners !== undefined) listeners.add(listener);
    else this.channels.set(channel, new Set([listener]));
    return () => {
      const current = this.channels.get(channel);
      current?.delete(listener);
      if (current?.size !== 0) return;
      this.channels.delete(channel);
      if (this.subscriber.status !== 'ready') return;
      this.subscriber.unsubscribe(channel).catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'unsubscribe'));
    };
  }

  private async confirmed(channel: string): Promise<void> {
    if (this.subscriber.status !== 'ready') await this.connected();
    await this.subscriber.subscribe(channel);
  }

  /** Resolves when there is a connection again; rejects when that takes longer than two seconds. */
  private connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.subscriber.off('ready', done);
        resolve();
      };
      const timer = setTimeout(() => {
        this.subscriber.off('ready', done);
        reject(commonErrors.unavailable('A part of the service cannot be reached right now.'));
      }, connectWithinMs);
      this.subscriber.on('ready', done);
    });
  }

  /** Subscribes to everything again on a new connection, and has the listeners look for what they missed. */
  private async renew(): Promise<void> {
    const channels = [...this.channels.keys()];
    if (channels.length === 0) return;
    try {
      await this.subscriber.subscribe(...channels);
      this.lost();
    } catch (error) {
      this.logger.debug({ error: safeError(error) }, 'subscriptions could not be renewed');
      // A new connection tries again.
      if (this.subscriber.status === 'ready') this.subscriber.disconnect(true);
    }
  }

  /** Without an answer the connection closes by its time-out, and another one takes over. */
  private ping(): void {
    if (this.subscriber.status === 'ready') this.subscriber.ping().catch(() => undefined);
  }

  private lost(): void {
    for (const listener of this.lostListeners) listener();
  }

  onApplicationShutdown(): void {
    clearInterval(this.pinging);
  }

  /** What a listener cannot read must not end the process. */
  private tell(listener: MessageListener, payload: Buffer): void {
    try {
      listener(payload);
    } catch (error) {
      this.logger.error({ error: safeError(error) }, 'a message could not be handled');
    }
  }

  /** Calls `listener` when messages may have been missed: the connection broke, or is there again. The result stops it. */
  onLost(listener: () => void): () => void {
    this.lostListeners.add(listener);
    return () => this.lostListeners.delete(listener);
  }

  /** Sends a hint to all replicas, this one included. Never throws: a hint may be lost. */
  hint(hint: ReplicaHint): void {
    this.redis.commands
      .publish(redisKeys.replicaBus, JSON.stringify(hint))
      .catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'hint lost'));
  }

  /** Calls `listener` for each hint of one kind, for good: while Redis is away there are none. */
  async onHint<K extends ReplicaHint['kind']>(kind: K, listener: (hint: Extract<ReplicaHint, { kind: K }>) => void): Promise<void> {
    this.listen(redisKeys.replicaBus, (payload) => {
      const hint = JSON.parse(payload.toString()) as ReplicaHint;
      if (hint.kind === kind) listener(hint as Extract<ReplicaHint, { kind: K }>);
    });
    // Otherwise it is subscribed as soon as the connection is ready.
    if (this.subscriber.status === 'ready') await this.confirmed(redisKeys.replicaBus);
  }
}
