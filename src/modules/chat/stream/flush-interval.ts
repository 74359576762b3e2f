import { type EventLoopUtilization, performance } from 'node:perf_hooks';

/** Shortest time between two flushes, in milliseconds: what an idle replica adds to a chunk at most. */
const leastMs = 8;
/** What many turns add to it, and what a busy process adds to that, in milliseconds. */
const manyTurnsMs = 42;
const busyMs = 150;
/** Turns in one flush that are many. */
const fullLoad = 200;
/** Busy part of the event loop from which on batches grow further, and at which they are longest. */
const [busyFrom, busyTo] = [0.4, 0.8];

/** How often the event loop is looked at, in milliseconds. */
const lookMs = 500;

/**
 * Milliseconds until the next flush, after one of so many turns. Many turns share a round trip; where the process has little time left, fewer
 * and larger batches leave it more of it: each costs the same to seal, to store and to send, whatever it holds.
 */
export function flushInterval(turns: number, busy: number): number {
  const many = Math.min(1, turns / fullLoad);
  const pressed = Math.min(1, Math.max(0, (busy - busyFrom) / (busyTo - busyFrom)));
  return leastMs + many * (manyTurnsMs + pressed * busyMs);
}

/** How busy the event loop has been of late, from 0 to 1; a process that waits for a core counts as busy. */
export class LoopLoad {
  private last: EventLoopUtilization | undefined;
  private lookedAt = Number.NEGATIVE_INFINITY;
  private busy = 0;

  constructor(
    private readonly look: typeof performance.eventLoopUtilization = (...given) => performance.eventLoopUtilization(...given),
    private readonly now: () => number = () => performance.now(),
  ) {}

  share(): number {
    const now = this.now();
    if (now - this.lookedAt < lookMs) return this.busy;
    const current = this.look();
    // Half of what was before is kept: one long step is no load.
    if (this.last !== undefined) this.busy = (this.busy + this.look(current, this.last).utilization) / 2;
    this.last = current;
    this.lookedAt = now;
    return this.busy;
  }
}
