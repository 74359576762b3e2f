import type { Socket } from 'node:net';
import { CommitFinder } from './commit-finder.ts';
import type { SeededRandom } from './random.ts';

/** What a proxy does to bytes at the moment. Shared by all its pipes, so that a change holds at once. */
export interface Disturbance {
  stalled: boolean;
  /** Bounds of the delay of each chunk, in milliseconds. */
  delay: { minMs: number; maxMs: number };
  /** Bytes of each write; 0 for chunks as they come. */
  slices: number;
  /** Chance that a chunk resets its connection instead. */
  resetChance: number;
  /** How long a COMMIT waits, in milliseconds. */
  holdCommitsMs: number;
}

/** Bytes that a pipe holds before it stops reading. */
const heldBytes = 256 * 1024;
/** Slices of one chunk; what is left of it goes in one piece, so that a large chunk does not take for ever. */
const slicesAtMost = 64;

/** One direction of a proxied connection. Keeps the order, whatever the delays. */
export class FaultPipe {
  private readonly held: { bytes: Buffer; due: number }[] = [];
  private readonly finder: CommitFinder | undefined;
  private size = 0;
  private lastDue = 0;
  private ended = false;
  private waitsForDrain = false;
  private slicing = false;
  private timer: NodeJS.Timeout | undefined;

  private readonly from: Socket;
  private readonly to: Socket;
  private readonly disturbance: Disturbance;
  private readonly random: SeededRandom;

  /** Begins to move bytes at once. `reset` ends the whole connection with a TCP reset. */
  constructor(
    from: Socket,
    to: Socket,
    options: { disturbance: Disturbance; random: SeededRandom; reset: () => void; findCommits: boolean },
  ) {
    this.from = from;
    this.to = to;
    this.disturbance = options.disturbance;
    this.random = options.random;
    this.finder = options.findCommits ? new CommitFinder() : undefined;
    from.on('data', (bytes: Buffer) => {
      const { resetChance } = this.disturbance;
      if (resetChance > 0 && this.random.chance(resetChance)) options.reset();
      else this.take(bytes);
    });
    from.once('end', () => {
      this.ended = true;
      this.move();
    });
    to.on('drain', () => {
      this.waitsForDrain = false;
      this.move();
    });
    this.move();
  }

  /** Looks again at what may move: called after the disturbance has changed. */
  move(): void {
    clearTimeout(this.timer);
    if (this.disturbance.stalled) {
      this.from.pause();
      return;
    }
    while (!this.waitsForDrain && !this.slicing && !this.to.destroyed) {
      const next = this.held[0];
      if (next === undefined) break;
      const wait = next.due - performance.now();
      if (wait > 0) {
        this.timer = setTimeout(() => this.move(), Math.ceil(wait));
        break;
      }
      this.held.shift();
      this.size -= next.bytes.length;
      this.write(next.bytes);
    }
    if (this.held.length === 0 && !this.slicing && this.ended && !this.to.writableEnded) this.to.end();
    if (this.size < heldBytes) this.from.resume();
    else this.from.pause();
  }

  /** Forgets what is held. */
  stop(): void {
    clearTimeout(this.timer);
    this.held.length = 0;
  }

  private take(bytes: Buffer): void {
    const { delay, holdCommitsMs } = this.disturbance;
    const delayMs = delay.maxMs > 0 ? delay.minMs + this.random.next() * (delay.maxMs - delay.minMs) : 0;
    for (const stretch of this.finder?.take(bytes) ?? [{ bytes, commit: false }]) {
      const due = performance.now() + delayMs + (stretch.commit ? holdCommitsMs : 0);
      // Later bytes never overtake earlier ones.
      this.lastDue = Math.max(this.lastDue, due);
      this.held.push({ bytes: stretch.bytes, due: this.lastDue });
      this.size += stretch.bytes.length;
    }
    this.move();
  }

  private write(bytes: Buffer): void {
    const { slices } = this.disturbance;
    if (slices > 0 && bytes.length > slices) this.slice(bytes, slices, slicesAtMost);
    else if (!this.to.write(bytes)) this.waitsForDrain = true;
  }

  /** Writes a slice in each turn of the event loop: written at once, the kernel would join them again. */
  private slice(bytes: Buffer, size: number, left: number): void {
    const last = left === 0 || bytes.length <= size;
    this.slicing = !last;
    if (!this.to.write(last ? bytes : bytes.subarray(0, size))) this.waitsForDrain = true;
    if (!last) {
      setImmediate(() => {
        if (this.to.destroyed) return;
        this.slice(bytes.subarray(size), size, left - 1);
        if (!this.slicing) this.move();
      });
    }
  }
}
