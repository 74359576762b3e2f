import type { PaceMark } from './pace.ts';

/**
 * What this replica may grant of a key without asking, until a time. Redis keeps it from the others for so long, so it is good only until
 * this replica asks again: then Redis gives another one.
 */
export class PaceAllowance {
  private left: PaceMark | undefined;
  private until = -Infinity;
  private largest = 0;
  private largestBefore = 0;

  /** Takes a live call's share; false when there is none for it. `now`: `performance.now()`. */
  take(tokens: number, now: number): boolean {
    this.largest = Math.max(this.largest, tokens);
    const { left } = this;
    if (left === undefined || now >= this.until || left.requests < 1 || left.tokens < tokens) return false;
    this.left = { requests: left.requests - 1, tokens: left.tokens - tokens };
    return true;
  }

  /** What Redis has allowed. Of a kind that is absent any number may be granted. */
  renew({ requests = Infinity, tokens = Infinity }: Partial<PaceMark>, until: number): void {
    this.left = { requests, tokens };
    this.until = until;
  }

  /** Nothing more is granted. */
  drop(): void {
    this.left = undefined;
  }

  /** To be called when Redis is asked: gives up what is counted there. Where no limits are known nothing is. */
  giveUp(): void {
    if (this.left !== undefined && (this.left.requests !== Infinity || this.left.tokens !== Infinity)) this.drop();
  }

  /** Tokens of the largest live call since the question before the last; undefined when there was none. */
  wanted(): number | undefined {
    const largest = Math.max(this.largest, this.largestBefore);
    [this.largestBefore, this.largest] = [this.largest, 0];
    return largest === 0 ? undefined : largest;
  }
}
