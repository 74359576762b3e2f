import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { type HttpConfig, httpConfig } from '../../platform/http/index.ts';
import { ChatSockets } from './gateway/chat-sockets.ts';
import { TurnQueue } from './queue/turn-queue.ts';
import { HeldPlaces } from './turn/held-places.ts';
import { LeftReservations } from './turn/left-reservations.ts';
import { TurnRunner } from './turn/turn-runner.ts';
import { TurnSweeper } from './turn/turn-sweeper.ts';

/** Over how long sockets are closed at a drain, so that their clients do not come back all at once, in milliseconds. */
const closeOverMs = 2_000;

/** How long turns that are cut may take to let go, in milliseconds: one that waits for a lost database does not. */
const cutWithinMs = 2_000;

/** Starts and stops chat on this replica. */
@Injectable()
export class Chat {
  constructor(
    private readonly sockets: ChatSockets,
    private readonly sweeper: TurnSweeper,
    private readonly runner: TurnRunner,
    private readonly queue: TurnQueue,
    private readonly left: LeftReservations,
    private readonly places: HeldPlaces,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
  ) {}

  /** Begins to take up turns and to look after sockets. */
  start(): void {
    this.sockets.start();
    this.queue.start();
    this.sweeper.start();
    this.left.start();
    this.places.start();
  }

  /**
   * Takes no more turns, lets the running ones end within the drain timeout, cuts the rest (other replicas take them over)
   * and closes the sockets with 1012.
   */
  async drain(): Promise<void> {
    this.sweeper.stop();
    this.left.stop();
    await this.queue.stop();
    this.runner.closeSlots();
    await this.idleWithin(this.http.drainTimeoutMs);
    for (const { id } of this.runner.running()) this.runner.cut(id, 'drain');
    await this.idleWithin(cutWithinMs);
    this.places.stop();
    await this.sockets.drain(Math.min(closeOverMs, this.sockets.size * 10));
    this.queue.leave();
  }

  private async idleWithin(ms: number): Promise<void> {
    const waiting = new AbortController();
    const late = sleep(ms, undefined, { signal: waiting.signal }).catch(() => undefined);
    await Promise.race([this.runner.idle(), late]);
    waiting.abort();
  }
}
