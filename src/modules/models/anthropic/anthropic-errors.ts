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
  const told = { status: error.status, type: error.type, message: error.apiMessage };
  return new ModelError(failureOf(told), {
    cause: error,
    unserved: servedNothing(error.status),
    ofTarget: refusesModel(told),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** Error types of the Messages API ("Errors" in Anthropic's documentation). */
const failureByType = new Map<unknown, ModelFailure>([
  ['authentication_error', 'credential'],
  // The key is good, but not for this model: the next type says the same of a model that is not there.
  ['permission_error', 'invalid_request'],
  ['not_found_error', 'invalid_request'],
  // The account cannot be charged: another credential may.
  ['billing_error', 'credential'],
  ['rate_limit_error', 'throttled'],
  ['overloaded_error', 'server_error'],
  ['api_error', 'server_error'],
  ['timeout_error', 'timeout'],
  ['request_too_large', 'context_too_long'],
]);

/** What an error says of itself: a response, or an event inside an answer. */
interface ToldError {
  status?: number | undefined;
  type?: unknown;
  message?: unknown;
}

/** There is no code for it. Both are an `invalid_request_error`: the prompt alone, or with the answer's bound, is too long. */
const tooLong = /prompt is too long|exceed context limit/i;

/** What an error means. The message is looked at, never kept. */
export function failureOf(error: ToldError): ModelFailure {
  const { status } = error;
  if (status !== undefined && status >= 300 && status < 400) return 'bad_response';
  if (typeof error.message === 'string' && error.type === 'invalid_request_error' && tooLong.test(error.message)) return 'context_too_long';
  const byType = failureByType.get(error.type);
  if (byType !== undefined) return byType;
  if (status === 408 || status === 504) return 'timeout';
  // A conflict inside the provider, or too early a try: the same call can succeed a little later.
  if (status === 409 || status === 425) return 'server_error';
  if (status === 413) return 'context_too_long';
  if (status === 429) return 'throttled';
  if (status === 401 || status === 402) return 'credential';
  if (error.type === 'invalid_request_error' || (status !== undefined && status >= 400 && status < 500)) return 'invalid_request';
  return 'server_error';
}

/** Whether a refusal is of the model under this credential alone. */
export function refusesModel(error: ToldError): boolean {
  if (failureOf(error) !== 'invalid_request') return false;
  return error.type === 'permission_error' || error.type === 'not_found_error' || [403, 404, 405].includes(error.status ?? 0);
}
