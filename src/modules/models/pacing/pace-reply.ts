import type { PaceLimitView, PaceMark } from './pace.ts';
import type { PaceReply, SeenLimit } from './pace-store.ts';

/** Milliseconds that so much work takes at the present pace. */
export function workMs({ requests, tokens }: PaceReply, work: PaceMark): number {
  return Math.max(work.requests / paceOf(requests), work.tokens / paceOf(tokens));
}

/** Per millisecond: what flows in, or what was really granted lately, where shares are given back. */
function paceOf({ rate = Infinity, granted }: SeenLimit): number {
  return Math.max(rate, granted);
}

export function markAfter(reply: PaceReply, requests: number, tokens: number): PaceMark {
  return { requests: reply.requests.total + requests, tokens: reply.tokens.total + tokens };
}

export function toldBy({ guessed, limit }: SeenLimit): number | undefined {
  return guessed ? undefined : limit;
}

export function limitView(seen: SeenLimit | undefined): PaceLimitView {
  const remaining = seen?.theirs ?? seen?.level;
  return {
    limit: seen?.limit,
    guessed: seen?.guessed === true,
    remaining: remaining === undefined ? undefined : Math.max(0, Math.floor(remaining)),
  };
}

/** The limits of a reply, guessed ones too. */
export function limitOf(reply: PaceReply | undefined): Partial<PaceMark> {
  const { requests, tokens } = reply ?? {};
  return {
    ...(requests?.limit === undefined ? {} : { requests: requests.limit }),
    ...(tokens?.limit === undefined ? {} : { tokens: tokens.limit }),
  };
}
