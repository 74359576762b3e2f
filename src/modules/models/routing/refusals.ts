import { clock } from '../../../kernel/clock.ts';

/** How long somebody who has refused is left alone, in milliseconds; doubles with each refusal up to the cap. */
const restMs = 5_000;
const restCapMs = 300_000;

/** Remembered at most; those that refused longest ago go first. */
const maxRemembered = 10_000;

/** Who has refused of late, by a name, and rests for that. */
export class Refusals {
  private readonly refused = new Map<string, { times: number; until: number }>();

  /** One more refusal. True when it was not at rest before; what was under way then, and is refused too, makes the rest no longer. */
  add(name: string): boolean {
    if (this.isAtRest(name)) return false;
    const times = (this.refused.get(name)?.times ?? 0) + 1;
    this.refused.delete(name);
    this.refused.set(name, { times, until: clock.now() + Math.min(restCapMs, restMs * 2 ** (times - 1)) });
    if (this.refused.size > maxRemembered) this.refused.delete(this.refused.keys().next().value as string);
    return true;
  }

  /** It has been taken: all its refusals are forgotten. */
  forget(name: string): void {
    if (this.refused.size > 0) this.refused.delete(name);
  }

  isAtRest(name: string): boolean {
    const found = this.refused.get(name);
    return found !== undefined && found.until > clock.now();
  }
}
