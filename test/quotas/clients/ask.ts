import type { Dialect, Refusal, Reply } from '../checker/evidence.ts';

/** One request of a client. */
export interface Ask {
  /** Base URL of a replica. */
  url: string;
  apiKey: string;
  botId: string;
  visitor: string;
  /** The client's name of the conversation. */
  conversation: string;
  /** The message's id, and the idempotency key where the dialect knows none. */
  marker: string;
  text: string;
  /** More members of the body, in the completions dialect. */
  parameters: Record<string, unknown>;
  /** Stop the answer after so many pieces of it. */
  stopAfter: number | undefined;
  /** Ends the request from the client's side, when it takes too long. */
  giveUp: AbortSignal;
}

/** Sends one message and reads the answer to its end. Never rejects: what went wrong is the reply. */
export type Client = (ask: Ask) => Promise<Reply>;

/** How a client names itself. */
export type Clients = Record<Dialect, Client>;

/** What an error body (RFC 9457) says of a refusal. Headers are absent in a frame. */
export function refusalOf(body: string, status: number, headers?: Headers): Refusal {
  let problem: { status?: number; code?: string; limit?: string; resets_at?: string; error?: { code?: string } } = {};
  try {
    problem = JSON.parse(body) as typeof problem;
  } catch {
    // Said below: a refusal without a code.
  }
  return {
    status: headers === undefined ? (problem.status ?? status) : status,
    code: problem.code ?? problem.error?.code ?? '',
    ...(problem.limit === undefined ? {} : { limit: problem.limit }),
    ...(problem.resets_at === undefined ? {} : { resetsAt: problem.resets_at }),
    ...(headers === undefined
      ? {}
      : {
          headers: {
            shouldRetry: headers.get('x-should-retry'),
            retryAfter: headers.get('retry-after'),
            rateLimit: headers.get('ratelimit'),
            policy: headers.get('ratelimit-policy'),
          },
        }),
  };
}

/** A reply that did not come to its end by itself. */
export function cutReply(began: number, accepted: boolean): Reply {
  return { began, ended: Date.now(), accepted, outcome: 'cut' };
}
