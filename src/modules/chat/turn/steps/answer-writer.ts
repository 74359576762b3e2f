import type { Chunk } from '../../stream/chunks.ts';
import type { LogProducer } from '../../stream/log-producer.ts';
import type { LogSoFar } from './log-so-far.ts';

/** Where an answer is written, and how long it may become. */
export interface AnswerPlace {
  producer: LogProducer;
  /** The attempt that writes; names the parts that it begins. */
  attempt: number;
  /** Longest answer, in UTF-16 code units. */
  limit: number;
}

/** The answer as its readers have it: goes on from the text that an attempt found, takes more, and can be taken back. */
export class AnswerWriter {
  /** The text so far. */
  text: string;
  /** True when the answer was cut at its longest. */
  full = false;
  private openPart: string | undefined;
  private restarts = 0;
  private half = '';

  constructor(
    private readonly place: AnswerPlace,
    { prefix, partId }: LogSoFar,
  ) {
    this.text = prefix;
    this.openPart = partId;
    if (prefix.length >= place.limit) this.full = true;
  }

  /** A call begins: half of a character that the one before it left is nothing to build on. */
  beginCall(): void {
    this.half = '';
  }

  /** Writes a piece, up to the limit. Half of a surrogate pair waits for the other half, so that the log never ends inside one. */
  add(piece: string): void {
    if (this.full) return;
    const { producer, limit } = this.place;
    let taken = this.half === '' ? piece : this.half + piece;
    this.half = '';
    if (this.text.length + taken.length > limit) {
      this.full = true;
      taken = taken.slice(0, limit - this.text.length);
    }
    if ((taken.charCodeAt(taken.length - 1) & 0xfc00) === 0xd800) {
      this.half = taken.slice(-1);
      taken = taken.slice(0, -1);
    }
    if (taken === '') return;
    if (this.openPart === undefined) {
      // A part of its own for each beginning: a restart is another part than the one that it takes back.
      this.openPart = `text-${this.place.attempt}${this.restarts === 0 ? '' : `-${this.restarts}`}`;
      producer.add([{ type: 'text-start', id: this.openPart }]);
    }
    this.text += taken;
    producer.addText(this.openPart, taken);
  }

  /** Takes back what was shown. */
  restart(): void {
    this.place.producer.add([{ type: 'reset-step' }]);
    this.text = '';
    this.full = false;
    this.openPart = undefined;
    this.restarts += 1;
  }

  /** The chunks that close the text of an answer. One that has none takes back what was shown. */
  closing(answer: string): Chunk[] {
    if (answer === '' && this.text !== '') return [{ type: 'reset-step' }];
    return this.openPart === undefined ? [] : [{ type: 'text-end', id: this.openPart }];
  }
}
