import { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError } from 'openai';
import { ModelError, type ModelFailure } from '../model-provider.ts';
import { retryAfterOf } from '../retry-after.ts';
import { isTimeout, neverReached, servedNothing } from '../transport-errors.ts';

/** An error of the `openai` client in the contract's words. */
export function toModelError(error: unknown): ModelError {
  if (error instanceof ModelError) return error;
  if (error instanceof APIUserAbortError) return new ModelError('aborted');
  if (error instanceof APIConnectionTimeoutError) return new ModelError('timeout');
  if (error instanceof APIConnectionError) {
    return new ModelError(isTimeout(error.cause) ? 'timeout' : 'unreachable', { cause: error, unserved: neverReached(error.cause) });
  }
  if (!(error instanceof APIError)) return new ModelError('unreachable', { cause: error });
  const retryAfterMs = retryAfterOf(error.headers as Headers | undefined);
  return new ModelError(failureOf({ status: error.status, code: error.code, message: error.message }), {
    cause: error,
    unserved: servedNothing(error.status),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** Codes that say more than their status. */
const failureByCode = new Map<unknown, ModelFailure>([
  ['context_length_exceeded', 'context_too_long'],
  ['content_filter', 'content_filter'],
  // The account has no money left: waiting does not help, another credential may.
  ['insufficient_quota', 'credential'],
  ['invalid_api_key', 'credential'],
  ['rate_limit_exceeded', 'throttled'],
]);

/** How vLLM, DeepSeek and others of this API say that a prompt is too long, without a code of its own. */
const tooLong = /maximum context length|context window|context size|prompt is too long/i;

/**
 * What an error means, of a response or of an event inside an answer. Some servers give the status as the `code` of an event. The
 * message is looked at, never kept.
 */
export function failureOf(error: { status?: number | undefined; code?: unknown; message?: unknown }): ModelFailure {
  const byCode = failureByCode.get(error.code);
  if (byCode !== undefined) return byCode;
  const status = error.status ?? (typeof error.code === 'string' || typeof error.code === 'number' ? Number(error.code) : Number.NaN);
  if (status === 408 || status === 504) return 'timeout';
  if (!(status >= 300 && status < 500)) return 'server_error';
  if (status < 400) return 'bad_response';
  if (status === 401 || status === 402 || status === 403) return 'credential';
  if (status === 429) return 'throttled';
  if (status === 400 && typeof error.message === 'string' && tooLong.test(error.message)) return 'context_too_long';
  return 'invalid_request';
}
