/** Whose limits: a provider counts requests and tokens per credential and model. Ids of ours, never a secret. */
export interface PaceKey {
  credential: string;
  model: string;
}

/** A call that wants its share of the limits. */
export interface PaceRequest {
  key: PaceKey;
  /** Tokens that the provider may count for it: prompt and the bound of the answer. */
  tokens: number;
  /** Background work gets what live turns leave. */
  priority: 'live' | 'background';
  /** Milliseconds since the epoch after which the call is of no use. */
  deadlineAt: number;
  signal: AbortSignal;
}

/** All that was granted of a key up to and including one call. */
export interface PaceMark {
  requests: number;
  tokens: number;
}

/** A call's share. Give it to `Pacer.settle` when the call has ended. */
export interface PaceLease {
  readonly key: PaceKey;
  readonly tokens: number;
  /** Undefined when the share was taken without Redis. */
  readonly mark: PaceMark | undefined;
}

/** Whether a call may go. `waitMs`: milliseconds until it could. */
export type Pace = { granted: true; lease: PaceLease } | { granted: false; waitMs: number };

/** The beginning of a provider's answer. */
export interface PaceAnswer {
  status: number;
  headers: Headers;
  /** The share of the call that it answers. Without it the oldest call of the key that has no answer yet is meant. */
  lease?: PaceLease | undefined;
}

/** What is known of one kind of limit. Undefined: the provider has not said. */
export interface PaceLimitView {
  /** Per minute; per day where the provider counts so. */
  limit: number | undefined;
  /** True when the limit was guessed from refusals. */
  guessed: boolean;
  /** What is left of it, as this replica last saw it. */
  remaining: number | undefined;
}

/** What is known of one key, for health and metrics. */
export interface PaceView {
  key: PaceKey;
  requests: PaceLimitView;
  tokens: PaceLimitView;
  /** Calls that wait on this replica. */
  waiting: number;
  /** Milliseconds since the epoch. */
  pausedUntil?: number;
}
