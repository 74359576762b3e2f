import type { ModelError } from '../model-provider.ts';
import type { PaceLease, PaceMark, PaceRequest } from './pace.ts';
import type { AskedCall } from './pace-store.ts';

/** A call that waits for its share. */
export interface Waiting {
  request: PaceRequest;
  tokens: number;
  /** `performance.now()` at which it came. */
  at: number;
  /** The same by Redis' clock, once that is known. */
  since?: number;
  done: boolean;
  end: (outcome: PaceLease | ModelError) => void;
}

/** The calls that wait for one key on this replica: live ones before background work, each kind in the order of its coming. */
export class PaceLine {
  private readonly calls: Waiting[] = [];

  get length(): number {
    return this.calls.length;
  }

  get first(): Waiting | undefined {
    return this.calls[0];
  }

  /** Whether a call that comes now would wait behind another one. */
  isBefore(live: boolean): boolean {
    const { first } = this;
    return first !== undefined && (!live || first.request.priority === 'live');
  }

  /** All that waits. */
  work(): PaceMark {
    return { requests: this.calls.length, tokens: this.calls.reduce((sum, { tokens }) => sum + tokens, 0) };
  }

  /** The first of them, at most so many. */
  head(count = Infinity): Waiting[] {
    return this.calls.slice(0, count);
  }

  enter(waiting: Waiting): void {
    const behind = waiting.request.priority === 'live' ? this.calls.findIndex((other) => other.request.priority === 'background') : -1;
    this.calls.splice(behind === -1 ? this.calls.length : behind, 0, waiting);
  }

  /** False when it does not wait any more. */
  leave(waiting: Waiting): boolean {
    const place = this.calls.indexOf(waiting);
    if (place !== -1) this.calls.splice(place, 1);
    return place !== -1;
  }
}

/** A waiting call as Redis is asked for it at `now`. */
export function askedCall({ tokens, request, at, since }: Waiting, now: number): AskedCall {
  const call = { tokens, live: request.priority === 'live', waitedMs: now - at };
  return since === undefined ? call : { ...call, since };
}
