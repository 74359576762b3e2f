import { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError } from '@anthropic-ai/sdk';
import { ModelError, type ModelFailure } from '../model-provider.ts';
import { retryAfterOf } from '../retry-after.ts';
import { isTimeout, neverReached, servedNothing } from '../transport-errors.ts';

/** An error of Anthropic's client in the contract's words. */
export function toModelError(error: unknown): ModelError {
  if (error instanceof ModelError) return error;
  if (error instanceof APIUserAbortError) return new ModelError('aborted');
  if (error instanceof APIConnectionTimeoutError) return new ModelError('timeout');
  if (error instanceof APIConnectionError) {
    return new ModelError(isTimeout(error.cause) ? 'timeout' : 'unreachable', { cause: error, unserved: neverReached(error.cause) });
  }
  if (!(error instanceof APIError)) return new ModelError('unreachable', { cause: error });
  const retryAfterMs = retryAfterOf(error.headers as Headers | undefined);
  return new ModelError(failureOf({ status: error.status, type: error.type, message: error.apiMessage }), {
    cause: error,
    unserved: servedNothing(error.status),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** Error types of the Messages API ("Errors" in Anthropic's documentation). */
const failureByType = new Map<unknown, ModelFailure>([
  ['authentication_error', 'credential'],
  ['permission_error', 'credential'],
  // The account cannot be charged: another credential may.
  ['billing_error', 'credential'],
  ['rate_limit_error', 'throttled'],
  ['overloaded_error', 'server_error'],
  ['api_error', 'server_error'],
  ['timeout_error', 'timeout'],
  ['request_too_large', 'context_too_long'],
  ['not_found_error', 'invalid_request'],
]);

/** There is no code for it. Both are an `invalid_request_error`: the prompt alone, or with the answer's bound, is too long. */
const tooLong = /prompt is too long|exceed context limit/i;

/** What an error means, of a response or of an event inside an answer. The message is looked at, never kept. */
export function failureOf(error: { status?: number | undefined; type?: unknown; message?: unknown }): ModelFailure {
  const { status } = error;
  if (status !== undefined && status >= 300 && status < 400) return 'bad_response';
  if (typeof error.message === 'string' && error.type === 'invalid_request_error' && tooLong.test(error.message)) return 'context_too_long';
  const byType = failureByType.get(error.type);
  if (byType !== undefined) return byType;
  if (status === 408 || status === 504) return 'timeout';
  if (status === 413) return 'context_too_long';
  if (status === 429) return 'throttled';
  if (status === 401 || status === 402 || status === 403) return 'credential';
  if (error.type === 'invalid_request_error' || (status !== undefined && status >= 400 && status < 500)) return 'invalid_request';
  return 'server_error';
}
