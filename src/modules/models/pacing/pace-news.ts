import type { PaceMark } from './pace.ts';
import type { Learned } from './pace-store.ts';

/** Answers that wait to be told at most. Successes replace each other; so many refusals at once teach nothing more. */
const maxLearned = 64;

const nothing: Readonly<PaceMark> = { requests: 0, tokens: 0 };

/** An answer with the `performance.now()` at which it came. */
export type FreshAnswer = Omit<Learned, 'ageMs'> & { at: number };

/** What a replica has learned of a key and Redis does not know yet. */
export class PaceNews {
  private learned: FreshAnswer[] = [];
  private unused: PaceMark = nothing;
  private back = 0;
  private pressing = false;
  /** Granted here without asking. */
  taken: Readonly<PaceMark> = nothing;

  /** True while there is something to tell. */
  get waits(): boolean {
    return this.taken.requests > 0 || this.learned.length > 0 || this.back !== 0 || this.unused.requests > 0;
  }

  /** True while others should know it soon. */
  get urgent(): boolean {
    return this.pressing;
  }

  /** An answer. Of successes the one to the latest call says all that the others say. */
  add(answer: FreshAnswer, urgent: boolean): void {
    this.pressing ||= urgent;
    if (!answer.refused) {
      const other = this.learned.find(({ refused }) => !refused);
      if (other !== undefined && (other.mark?.requests ?? -1) > (answer.mark?.requests ?? -1)) return;
      this.learned = this.learned.filter(({ refused }) => refused);
    }
    if (this.learned.length < maxLearned) this.learned.push(answer);
  }

  /** A call has been granted without asking. */
  grant(tokens: number): void {
    this.taken = { requests: this.taken.requests + 1, tokens: this.taken.tokens + tokens };
  }

  /** Tokens of a call that it has not used; negative when it has used more. */
  giveBack(tokens: number): void {
    this.back += tokens;
  }

  /** The share of a call that was never made. */
  giveUp(tokens: number): void {
    this.unused = { requests: this.unused.requests + 1, tokens: this.unused.tokens + tokens };
  }

  /** All of it, which is forgotten here. */
  take(now: number): { taken: PaceMark; learned: Learned[]; unused: PaceMark; back: number } {
    const learned = this.learned.map(({ at, ...answer }) => ({ ...answer, ageMs: now - at }));
    const { taken, unused, back } = this;
    [this.taken, this.learned, this.unused, this.back, this.pressing] = [nothing, [], nothing, 0, false];
    return { taken, learned, unused, back };
  }
}
