/** Something that wants to run at a time. Set `done` to have it forgotten. */
export interface Paced {
  /** Milliseconds of `performance.now()`. */
  dueAt: number;
  done: boolean;
  run(now: number): void;
}

const slotMs = 4;
// The wheel turns once in two seconds. What is due later waits in the last slot and is looked at again, which is also
// when a stream that was aborted meanwhile is let go of.
const slotCount = 512;

/**
 * One timer wheel for all streams: 10,000 slow streams cost one interval and a look at those that are due, not 10,000 timers.
 * Things run up to one slot (4 ms) late, never early.
 */
export class Pacer {
  readonly #slots: Paced[][] = Array.from({ length: slotCount }, () => []);
  #turn = 0;
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Runs `task` when its `dueAt` has come. A task waits in the wheel once: schedule it again only from its own `run`, or after that. */
  schedule(task: Paced): void {
    if (this.#timer === undefined) {
      this.#turn = Math.floor(performance.now() / slotMs);
      this.#timer = setInterval(() => this.#tick(), slotMs);
    }
    const turn = Math.min(Math.max(Math.ceil(task.dueAt / slotMs), this.#turn + 1), this.#turn + slotCount - 1);
    this.#slots[turn % slotCount]?.push(task);
    this.#waiting++;
  }

  /** Calls `run` once, after `ms` milliseconds. */
  after(ms: number, run: () => void): Paced {
    const task: Paced = { dueAt: performance.now() + ms, done: false, run };
    this.schedule(task);
    return task;
  }

  /** Stops the clock; what waits never runs. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const slot of this.#slots) slot.length = 0;
    this.#waiting = 0;
  }

  #tick(): void {
    const now = performance.now();
    const nowTurn = Math.floor(now / slotMs);
    while (this.#turn < nowTurn) {
      this.#turn++;
      const index = this.#turn % slotCount;
      const tasks = this.#slots[index];
      if (tasks === undefined || tasks.length === 0) continue;
      this.#slots[index] = [];
      this.#waiting -= tasks.length;
      for (const task of tasks) {
        if (task.done) continue;
        if (task.dueAt > now) this.schedule(task);
        else task.run(now);
      }
    }
    if (this.#waiting === 0 && this.#timer !== undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
