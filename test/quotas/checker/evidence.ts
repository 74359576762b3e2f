/** How a client speaks to the server. */
export type Dialect = 'websocket' | 'events' | 'completions';

/** Why a request was refused, as its answer said it. */
export interface Refusal {
  status: number;
  code: string;
  /** Name of the limit. */
  limit?: string;
  /** When the window begins anew, as the answer said it. */
  resetsAt?: string;
  /** Headers that speak of limits; undefined in a dialect that has none. */
  headers?: { shouldRetry: string | null; retryAfter: string | null; rateLimit: string | null; policy: string | null };
}

/** One try of a client to have its message answered. Times are milliseconds since the epoch. */
export interface Reply {
  began: number;
  ended: number;
  /** It was acknowledged: HTTP 200, or the `start` frame. */
  accepted: boolean;
  /** `cut`: the connection went away. `failed`: an error instead of, or within, the answer. */
  outcome: 'complete' | 'stopped' | 'failed' | 'refused' | 'cut';
  refusal?: Refusal;
}

/** A message that a client has sent, as often as it took. */
export interface SentMessage {
  /** Stands in its text and nowhere else. */
  marker: string;
  visitor: string;
  dialect: Dialect;
  /** What kind of message it was, for people. */
  kind: string;
  replies: Reply[];
}

/** One request as the model server has seen and counted it. */
export interface ServedCall {
  marker: string;
  model: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  status: number;
  outcome: string;
  promptTokens: number;
  tokensServed: number;
  /** What it told its caller of usage, if anything. */
  reported: { prompt: number; completion: number } | null;
}

/** A turn as Postgres holds it. */
export interface StoredTurn {
  id: string;
  marker: string;
  visitorId: string;
  state: string;
  attempt: number;
  modelCalls: number;
  /** It has not failed, or has shown something before. A message without any answer does not count. */
  answered: boolean;
}

/** A row of the ledger of provider calls. Windows are named by their first moment, ISO 8601. */
export interface LedgerRow {
  id: string;
  turnId: string | null;
  call: number | null;
  visitorId: string | null;
  state: 'reserved' | 'settled' | 'released';
  reservedInput: number;
  reservedOutput: number;
  /** Micro-units of money. */
  reservedCost: number;
  inputTokens: number | null;
  outputTokens: number | null;
  estimated: boolean;
  cost: number;
  month: string;
  day: string;
}

/** A counter: of the tenant's month, or of a visitor's day. */
export interface CounterRow {
  subject: string;
  window: string;
  messages: number;
  tokens: number;
  tokensReserved: number;
  cost: number;
  costReserved: number;
}

/** What a tenant may use, from a moment on (milliseconds since the epoch); an absent limit does not apply. */
export interface LimitChange {
  at: number;
  tokens?: number;
  messages?: number;
  /** Micro-units of money. */
  cost?: number;
  /** Tokens of each visitor in a day. */
  visitorTokens?: number;
}

/** What a million tokens cost, in micro-units of money. */
export interface Price {
  input: number;
  output: number;
}

/** Limits whose counters are looked at all the while. */
export const watchedLimits = ['tokens', 'cost', 'visitorTokens'] as const satisfies (keyof LimitChange)[];

/** Most that was seen used and reserved at one moment: in a month of the tenant, or in a day of any visitor. */
export type Peaks = Record<(typeof watchedLimits)[number], number>;

/** Everything that is known of one tenant, from three sources that know nothing of each other. */
export interface TenantEvidence {
  name: string;
  uuid: string;
  /** In their order; the first one held before the first message. */
  limits: LimitChange[];
  /** It is far below its limits, and must not notice that others are not. */
  neighbour: boolean;
  /** No replica was killed and nobody stopped an answer: each call has ended as its provider said. */
  calm: boolean;
  /** The limit that refused the last messages, sent one by one after everything had settled; undefined when none did. */
  exhausted: string | undefined;
  /** When the month turned by the database's clock, if it did while messages were sent; milliseconds since the epoch. */
  monthTurnedAt?: number;
  sent: SentMessage[];
  served: ServedCall[];
  turns: StoredTurn[];
  ledger: LedgerRow[];
  counters: CounterRow[];
  /** What models cost, by their names; the harness has set it. */
  prices: Record<string, Price>;
  /** 0 where the limit was lowered meanwhile. */
  peaks: Peaks;
}

/** The limit's name on the wire. */
export const limitNames = {
  tokens: 'tokens_per_month',
  messages: 'messages_per_month',
  cost: 'cost_per_month',
  visitorTokens: 'visitor_tokens_per_day',
} as const satisfies Record<keyof Omit<LimitChange, 'at'>, string>;

/** Tokens that a request has cost by the model server's own count; one that was answered with an error costs nothing. */
export function tokensOf(call: ServedCall): number {
  return call.status >= 400 ? 0 : call.promptTokens + call.tokensServed;
}

/** The same in micro-units of money: what the tokens of this one request cost, of which a begun micro-unit is a whole one. A model without a price is free. */
export function moneyOf(call: ServedCall, prices: Record<string, Price>): number {
  const price = prices[call.model];
  if (price === undefined || call.status >= 400) return 0;
  return Math.ceil((call.promptTokens * price.input + call.tokensServed * price.output) / 1_000_000);
}

/** True when the first answer to a message, or a later one, has acknowledged it. */
export function wasAccepted(message: SentMessage): boolean {
  return message.replies.some(({ accepted }) => accepted);
}

/** True when nothing was ever said to a message but that a quota refuses it. */
export function wasRefused(message: SentMessage): boolean {
  return message.replies.length > 0 && message.replies.every(({ refusal }) => refusal?.code === 'quota_exceeded');
}
