import { setTimeout as sleep } from 'node:timers/promises';
import type { Position, ReaderEvent, Reading, SentMessage } from '../support/history.ts';
import type { SeededRandom } from '../support/random.ts';
import { type Access, now } from './reading-request.ts';
import { readOverSse } from './sse-reading.ts';
import { readOverWebSocket } from './websocket-reading.ts';

/** How a reader behaves. */
export interface ReaderHabits {
  /** Where the next request goes. */
  access: () => Access;
  /** Which of the message's readers this is. */
  view: number;
  /** Chance that a reading is left before its end, after a moment. */
  leaves: number;
  random: SeededRandom;
  /** Reads in this dialect only; in any without it. */
  dialect?: Reading['dialect'];
  /** Ends everything, at the very end of a run. */
  giveUp: AbortSignal;
}

/** Longest stay of a reader that leaves, in milliseconds. */
const stayMs = 4_000;

/**
 * One reader of a message, as a careful client is one: sends until it is acknowledged, then resumes wherever it can, in any
 * dialect, until it has seen the end. Everything that it receives is recorded in the message's history.
 */
export class MessageReader {
  private position: Position | undefined;
  private acknowledged = false;
  private seen = false;
  private done = false;

  private readonly message: SentMessage;
  private readonly habits: ReaderHabits;

  constructor(message: SentMessage, habits: ReaderHabits) {
    this.message = message;
    this.habits = habits;
  }

  /** Resolves when the reader has seen the end, or gives up. */
  async read(): Promise<void> {
    const { random, giveUp } = this.habits;
    for (let tries = 0; !this.done && !giveUp.aborted; tries += 1) {
      if (tries > 0) await sleep(random.integer(50, 150 + Math.min(tries, 10) * 50), undefined, { signal: giveUp }).catch(() => undefined);
      if (!giveUp.aborted) await this.readOnce();
    }
  }

  private async readOnce(): Promise<void> {
    const { random, view, leaves, giveUp } = this.habits;
    const access = this.habits.access();
    // Sent again even when it was acknowledged: one message id is one turn. Only with a chunk in hand, though: the first
    // thing after an acknowledgement is to ask for what was promised.
    const kind = !this.acknowledged || (this.seen && random.chance(0.1)) ? 'send' : 'resume';
    const after = kind === 'resume' && random.chance(0.9) ? this.position : undefined;
    const reading: Reading = {
      kind,
      dialect: this.habits.dialect ?? (random.chance(0.5) ? 'websocket' : 'sse'),
      view,
      through: access.name,
      at: now(),
      events: [],
      ...(after === undefined ? {} : { after }),
    };
    this.message.readings.push(reading);
    const leave = new AbortController();
    const timer = random.chance(leaves) ? setTimeout(() => leave.abort(), random.integer(20, stayMs)) : undefined;
    await (reading.dialect === 'websocket' ? readOverWebSocket : readOverSse)({
      access,
      reading,
      conversation: this.message.conversation,
      message: { id: this.message.messageId, text: this.message.text },
      cursor: after === undefined ? undefined : `${after.log}:${after.sequence}`,
      leave: AbortSignal.any([leave.signal, giveUp]),
      onEvent: (event) => this.heard(reading, event),
    });
    clearTimeout(timer);
  }

  private heard(reading: Reading, event: ReaderEvent): void {
    reading.events.push(event);
    if (event.type === 'acknowledged' && reading.kind === 'send') this.acknowledged = true;
    else if (event.type === 'end') this.done = true;
    else if (event.type === 'chunk') {
      this.seen = true;
      const { chunk, sequence } = event;
      if (chunk.type === 'start') this.position = { log: `${chunk.messageMetadata?.turn_id}:${chunk.messageMetadata?.epoch}`, sequence };
      else if (this.position !== undefined) this.position = { ...this.position, sequence };
    }
  }
}
