import type { Reading, ReaderEvent } from '../support/history.ts';

/** Who asks, and where. */
export interface Access {
  /** Base URL of a replica, a proxy or a tap: `http://127.0.0.1:1234`. */
  url: string;
  /** What the report calls it. */
  name: string;
  apiKey: string;
  botId: string;
  visitorId: string;
}

/** One request of a reader: it sends a message, or goes on with a conversation's newest answer. */
export interface ReadingRequest {
  access: Access;
  reading: Reading;
  conversation: string;
  message: { id: string; text: string };
  /** `turn:epoch:sequence`, in a resume that goes on. */
  cursor: string | undefined;
  /** Ends the request from the reader's side. */
  leave: AbortSignal;
  onEvent: (event: ReaderEvent) => void;
}

/** Milliseconds without a byte after which a reader goes elsewhere, as one behind a dead network must. */
export const silenceMs = 12_000;

/** Monotonic milliseconds. */
export function now(): number {
  return performance.now();
}

/** Status and short text of a problem body (RFC 9457). */
export function problemOf(body: string, fallback: number): { status: number; text: string } {
  try {
    const problem = JSON.parse(body) as { status?: number; code?: string; error?: { code?: string } };
    return { status: problem.status ?? fallback, text: problem.code ?? problem.error?.code ?? '' };
  } catch {
    return { status: fallback, text: body.slice(0, 100) };
  }
}
