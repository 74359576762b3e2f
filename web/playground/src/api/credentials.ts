import { ApiProblem } from './problem.ts';

/** With what the page speaks to the API: a member's access token or a publishable key. */
export interface Credentials {
  kind: 'member' | 'demo';
  /** Tells the local copies of different people apart. */
  owner: string;
  /** Runs a call; a member's expired token is renewed once. Throws SignedOut when that is refused. */
  call<T>(run: (bearer: string) => Promise<T>): Promise<T>;
  /** Makes sure the next call does not use a credential the server has just refused. Throws SignedOut. */
  renew(): Promise<void>;
}

/** The credential is not valid any more; only the person can change that. */
export class SignedOut extends Error {
  constructor() {
    super('Please sign in again.');
    this.name = 'SignedOut';
  }
}

/** Whether a refusal is about the credential. */
export function isUnauthenticated(error: unknown): boolean {
  return error instanceof ApiProblem && error.problem.status === 401;
}
