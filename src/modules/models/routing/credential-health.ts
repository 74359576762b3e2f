import { Refusals } from './refusals.ts';

/** Which credentials providers have refused of late. A changed one (another version) begins anew. */
export class CredentialHealth {
  private readonly refusals = new Refusals();

  /** The provider has refused it. True when it counted as good before. */
  refuse(credential: { id: string; version: number }): boolean {
    return this.refusals.add(keyOf(credential));
  }

  /** The provider has taken it. */
  accept(credential: { id: string; version: number }): void {
    this.refusals.forget(keyOf(credential));
  }

  isGood(credential: { id: string; version: number }): boolean {
    return !this.refusals.isAtRest(keyOf(credential));
  }
}

function keyOf({ id, version }: { id: string; version: number }): string {
  return `${id}|${version}`;
}
