import { clock } from '../../../kernel/clock.ts';

/** How long a refused credential is left alone, in milliseconds; doubles with each refusal up to the cap. */
const restMs = 5_000;
const restCapMs = 300_000;

/** Credentials remembered at most; those that were refused longest ago go first. */
const maxRemembered = 10_000;

/** Which credentials providers have refused of late. A changed one (another version) begins anew. */
export class CredentialHealth {
  private readonly refused = new Map<string, { times: number; until: number }>();

  /** The provider has refused it. True when it counted as good before. */
  refuse(credential: { id: string; version: number }): boolean {
    const key = keyOf(credential);
    const times = (this.refused.get(key)?.times ?? 0) + 1;
    const wasGood = this.isGood(credential);
    this.refused.delete(key);
    this.refused.set(key, { times, until: clock.now() + Math.min(restCapMs, restMs * 2 ** (times - 1)) });
    if (this.refused.size > maxRemembered) this.refused.delete(this.refused.keys().next().value as string);
    return wasGood;
  }

  /** The provider has taken it. */
  accept(credential: { id: string; version: number }): void {
    if (this.refused.size > 0) this.refused.delete(keyOf(credential));
  }

  isGood(credential: { id: string; version: number }): boolean {
    const found = this.refused.get(keyOf(credential));
    return found === undefined || found.until <= clock.now();
  }
}

function keyOf({ id, version }: { id: string; version: number }): string {
  return `${id}|${version}`;
}
