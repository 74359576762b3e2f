import { clock } from '../../../kernel/clock.ts';

/** Counts what happened within the last `windowMs` milliseconds, exact to a tenth of it. */
export class RollingCount {
  private readonly slots = Array.from({ length: 10 }, () => 0);
  private slot = 0;
  private readonly slotMs: number;

  constructor(windowMs: number) {
    this.slotMs = windowMs / this.slots.length;
    this.slot = this.current();
  }

  add(): void {
    this.advance();
    const at = this.slot % this.slots.length;
    this.slots[at] = (this.slots[at] ?? 0) + 1;
  }

  sum(): number {
    this.advance();
    return this.slots.reduce((total, count) => total + count, 0);
  }

  clear(): void {
    this.slots.fill(0);
  }

  /** Empties the slots whose time has passed. */
  private advance(): void {
    const now = this.current();
    const passed = Math.min(now - this.slot, this.slots.length);
    for (let step = 1; step <= passed; step += 1) this.slots[(now - passed + step) % this.slots.length] = 0;
    this.slot = Math.max(this.slot, now);
  }

  private current(): number {
    return Math.floor(clock.now() / this.slotMs);
  }
}
