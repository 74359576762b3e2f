import { setImmediate as nextTurn } from 'node:timers/promises';

/** Characters that are looked through at once at most: a tenth of a second as a rule, less than half a second of the worst that anybody can write. */
export const charactersAtOnce = 65_536;

/** Counts characters that were worked on, so that long work lets others have their turn and short work waits for nobody. */
export class TurnTaking {
  private done = 0;

  /** Resolves in a later turn of the event loop when enough was done since the last one; undefined when there is no need to wait. */
  after(characters: number): Promise<void> | undefined {
    this.done += characters;
    if (this.done < charactersAtOnce) return undefined;
    this.done = 0;
    return nextTurn();
  }
}
