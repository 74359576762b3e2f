import type { Answer } from './messages.ts';

/** Now, in milliseconds since the epoch with fractions; never steps back. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Counts of one load process. */
export const received = { tokens: 0, begun: 0, lost: 0 };

/** Tokens in a piece of an answer: they are numbered, "t0 t1 t2 …". */
export function tokensIn(text: string): number {
  return text.split('t').length - 1;
}

/** A client that has one question at a time. */
export interface ChatClient {
  /** False after the server has closed its connection for good. */
  readonly isOpen: boolean;
  /** Sends a message and waits for the end of its answer, which is an Answer even when it fails. */
  ask(conversation: string, marker: string, text: string, limitMs: number): Promise<Answer>;
  /** Closes the connection; resolves when it is gone. */
  close(): Promise<void>;
}
