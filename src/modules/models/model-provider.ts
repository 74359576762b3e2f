/**
 * The contract between Parley and whoever runs a model. No vendor's word in it: a provider translates its own protocol,
 * errors and finish reasons into these.
 */

/** One message of a prompt. */
export interface ModelMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** One call. */
export interface ModelRequest {
  model: string;
  messages: ModelMessage[];
  /** The answer so far: the call gives only what comes after it. For models that `Models.canContinue`. */
  prefix?: string;
  /** Tokens that the answer, without the prefix, may have at most. */
  maxOutputTokens: number;
  temperature?: number;
  topP?: number;
  /** Opaque id of the end user for the provider's abuse checks; never an address or a name. */
  endUser?: string;
  /** Cancels the call; the provider must close its connection at once. */
  signal: AbortSignal;
  /** Milliseconds since the epoch after which the call fails with `timeout`. */
  deadlineAt: number;
  /** Told once, as soon as the provider has begun to answer, refusals included: pacing reads rate limits there. Must not throw. */
  onHeaders?: (status: number, headers: Headers) => void;
}

/** Tokens of one call, by the provider's own count. */
export interface ModelUsage {
  inputTokens: number;
  outputTokens: number;
}

/** What a model can be asked for besides text. */
export const skills = ['vision', 'long_context', 'tools', 'reasoning'] as const;

/** Name of a skill. */
export type Skill = (typeof skills)[number];

/** Micro-units of money for a million tokens. */
export interface Price {
  input: number;
  output: number;
}

/** How a complete call ended. Anything else is a ModelError: a truncated answer has no result. */
export interface ModelResult {
  finishReason: 'stop' | 'length' | 'content_filter';
  /** Undefined when the provider reported none. */
  usage?: ModelUsage;
}

/** A source of answers. */
export interface ModelProvider {
  /**
   * Streams one answer: calls `onText` with each piece in order and resolves when the provider has said how it ended.
   * Rejects with ModelError otherwise. Never retries.
   */
  stream(request: ModelRequest, onText: (text: string) => void): Promise<ModelResult>;
}

/** Why a call failed. `truncated`: the stream ended without a finish reason. */
export type ModelFailure =
  | 'throttled'
  | 'timeout'
  | 'unreachable'
  | 'server_error'
  | 'bad_response'
  | 'truncated'
  | 'context_too_long'
  | 'content_filter'
  | 'credential'
  | 'invalid_request'
  | 'aborted';

/** A call that gave no complete answer. The message is ours; a provider's text may quote the prompt and is dropped. */
export class ModelError extends Error {
  readonly failure: ModelFailure;
  /** Milliseconds that the provider asked to wait. */
  readonly retryAfterMs: number | undefined;
  /** True where the provider is known to have served nothing, and so to charge nothing: it refused, or was never reached. */
  readonly unserved: boolean;
  /** True where a refusal is of this model at this provider, under this credential: another target may well answer. */
  readonly ofTarget: boolean;

  constructor(failure: ModelFailure, options: { retryAfterMs?: number; unserved?: boolean; ofTarget?: boolean; cause?: unknown } = {}) {
    super(`The model call failed: ${failure}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ModelError';
    this.failure = failure;
    this.retryAfterMs = options.retryAfterMs;
    this.unserved = options.unserved === true;
    this.ofTarget = options.ofTarget === true;
  }

  /** True when the same call can succeed a little later. */
  get transient(): boolean {
    return ['throttled', 'timeout', 'unreachable', 'server_error', 'bad_response', 'truncated'].includes(this.failure);
  }
}
