import { Injectable, Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { commonErrors } from '../../kernel/app-error.ts';
import { redisKeys, RedisConnections } from '../redis/index.ts';
import { safeError } from '../telemetry/index.ts';

/** A hint for all replicas. Only ever a hint: whoever misses it finds the same in Postgres a little later. */
export type ReplicaHint =
  | { kind: 'stop-turn'; tenantId: string; turnId: string }
  | { kind: 'recheck-credentials'; tenantId: string }
  | { kind: 'turn-waiting'; tenantId: string };

/** Longest wait for Redis to confirm a subscription, in milliseconds. */
const subscribeWithinMs = 2_000;

type MessageListener = (payload: Buffer) => void;

/** Publish and subscribe between replicas over one Redis connection. */
@Injectable()
export class ReplicaBus {
  private readonly logger = new Logger(ReplicaBus.name);
  private readonly subscriber: Redis;
  private readonly channels = new Map<string, Set<MessageListener>>();
  private readonly lostListeners = new Set<() => void>();

  constructor(private readonly redis: RedisConnections) {
    this.subscriber = redis.open({ name: 'parley-subscriber', patient: true });
    this.subscriber.on('messageBuffer', (channel: Buffer, payload: Buffer) => {
      for (const listener of this.channels.get(channel.toString()) ?? []) this.tell(listener, payload);
    });
    this.subscriber.on('close', () => {
      for (const listener of this.lostListeners) listener();
    });
  }

  /** Listens on a channel; resolves when Redis has confirmed. The result stops listening. */
  async subscribe(channel: string, listener: MessageListener): Promise<() => void> {
    const listeners = this.channels.get(channel);
    if (listeners !== undefined) listeners.add(listener);
    else this.channels.set(channel, new Set([listener]));
    // Also when somebody listens already: the confirmation must come after this call.
    const stop = this.stopListening(channel, listener);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(commonErrors.unavailable('A part of the service cannot be reached right now.')), subscribeWithinMs);
    });
    try {
      await Promise.race([this.subscriber.subscribe(channel), late]);
      return stop;
    } catch (error) {
      stop();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  private stopListening(channel: string, listener: MessageListener): () => void {
    return () => {
      const current = this.channels.get(channel);
      current?.delete(listener);
      if (current?.size !== 0) return;
      this.channels.delete(channel);
      this.subscriber.unsubscribe(channel).catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'unsubscribe'));
    };
  }

  /** What a listener cannot read must not end the process. */
  private tell(listener: MessageListener, payload: Buffer): void {
    try {
      listener(payload);
    } catch (error) {
      this.logger.error({ error: safeError(error) }, 'a message could not be handled');
    }
  }

  /** Calls `listener` when the connection breaks: messages may have been missed from then on. The result stops it. */
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

  /** Calls `listener` for each hint of one kind. */
  async onHint<K extends ReplicaHint['kind']>(kind: K, listener: (hint: Extract<ReplicaHint, { kind: K }>) => void): Promise<void> {
    await this.subscribe(redisKeys.replicaBus, (payload) => {
      const hint = JSON.parse(payload.toString()) as ReplicaHint;
      if (hint.kind === kind) listener(hint as Extract<ReplicaHint, { kind: K }>);
    });
  }
}
