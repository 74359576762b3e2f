import type { LogReader } from './turn-log.ts';
import type { OpenedLog } from './turn-logs.ts';

/** Chunks that are held back to go out together at most, and their length in characters. */
const maxTogether = 16;
const maxTogetherLength = 16_384;

/** Where a reader's chunks go. */
export interface ChunkSink {
  /** False while the reader is behind: nothing is written until `resume`. */
  ready(): boolean;
  /** Several things are about to be written: hold them back until `release`, so that they go out together. */
  hold?(): void;
  release?(): void;
  /** Writes one chunk. */
  chunk(sequence: number, json: string): void;
  /** The last chunk was written. */
  end(): void;
  /** The log was replaced: cut the reader, who will resume. */
  cut(): void;
}

/** One reader's place in a log. Writes while the sink is ready; a slow reader holds a number, not a copy. */
export class LogCursor implements LogReader {
  private detach: (() => void) | undefined;
  private stopped = false;
  private pumping = false;

  constructor(
    private readonly opened: OpenedLog,
    private next: number,
    private readonly sink: ChunkSink,
  ) {}

  /** Begins: writes what is there, then what comes. */
  start(): void {
    this.detach = this.opened.log.attach(this);
    this.wake();
  }

  /** The sink is ready again. */
  resume(): void {
    this.wake();
  }

  wake(): void {
    if (this.stopped || this.pumping) return;
    const together = this.fewTogether();
    this.pumping = true;
    if (together) this.sink.hold?.();
    try {
      this.pump();
    } finally {
      this.pumping = false;
      if (together) this.sink.release?.();
    }
  }

  /** Reads no more. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.detach?.();
    this.opened.release();
  }

  /** True when a few small chunks wait: more, held back, would look like a reader that is behind. */
  private fewTogether(): boolean {
    const { chunks, sealed } = this.opened.log;
    const waiting = chunks.length - this.next + (sealed ? 1 : 0);
    if (waiting < 2 || waiting > maxTogether) return false;
    let length = 0;
    for (let at = this.next; at < chunks.length; at += 1) length += chunks[at]?.length ?? 0;
    return length <= maxTogetherLength;
  }

  private pump(): void {
    const { log } = this.opened;
    while (!this.stopped) {
      if (log.broken) {
        this.stop();
        return this.sink.cut();
      }
      const json = log.chunks[this.next];
      if (json === undefined) {
        if (!log.sealed) return;
        this.stop();
        return this.sink.end();
      }
      if (!this.sink.ready()) return;
      this.sink.chunk(this.next, json);
      this.next += 1;
    }
  }
}

/** What a client remembers to go on from: `turn_…:epoch:sequence` of the last chunk that it has. */
export interface Cursor {
  turnId: string;
  epoch: number;
  sequence: number;
}

/** Reads a cursor; undefined for anything else. `turnId` is the public id. */
export function parseCursor(text: unknown): Cursor | undefined {
  if (typeof text !== 'string') return undefined;
  const match = /^(turn_[0-9a-z]{26}):(\d{1,9}):(\d{1,9})$/.exec(text);
  return match?.[1] === undefined ? undefined : { turnId: match[1], epoch: Number(match[2]), sequence: Number(match[3]) };
}

/** Sequence to begin at: after the cursor when it is of this very log, otherwise 0. */
export function startAfter(cursor: Cursor | undefined, log: { epoch: number; next: number; sealed: boolean }, turnId: string): number {
  if (cursor === undefined || cursor.turnId !== turnId || cursor.epoch !== log.epoch) return 0;
  // A log that is still read or written may be behind its client for a moment: the cursor waits for what comes next.
  return log.sealed && cursor.sequence + 1 > log.next ? 0 : cursor.sequence + 1;
}
