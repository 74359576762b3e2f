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
  const told = { status: error.status, code: error.code, message: error.message };
  return new ModelError(failureOf(told), {
    cause: error,
    unserved: servedNothing(error.status),
    ofTarget: refusesModel(told),
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

/** What an error says of itself: a response, or an event inside an answer. Some servers give the status as the `code` of an event. */
interface ToldError {
  status?: number | undefined;
  code?: unknown;
  message?: unknown;
}

/** How OpenRouter says with a 403 that its moderation has refused the prompt. */
const flagged = /input was flagged/i;

/** How vLLM, DeepSeek and others of this API say that a prompt is too long, without a code of its own. */
const tooLong = /maximum context length|context window|context size|prompt is too long/i;

/** What an error means. The message is looked at, never kept. */
export function failureOf(error: ToldError): ModelFailure {
  const byCode = failureByCode.get(error.code);
  if (byCode !== undefined) return byCode;
  const status = statusOf(error);
  const message = typeof error.message === 'string' ? error.message : '';
  if (status === 408 || status === 504) return 'timeout';
  // A conflict inside the provider, or too early a try: the same call can succeed a little later.
  if (!(status >= 300 && status < 500) || status === 409 || status === 425) return 'server_error';
  if (status < 400) return 'bad_response';
  if (status === 401 || status === 402) return 'credential';
  if (status === 429) return 'throttled';
  if (status === 413 || (status === 400 && tooLong.test(message))) return 'context_too_long';
  if (status === 403 && flagged.test(message)) return 'content_filter';
  return 'invalid_request';
}

/**
 * Whether a refusal is of the model under this credential alone. OpenAI says 403 or 404 `model_not_found` for one that a project may not
 * use; where the credential itself is refused, the status is 401 or there is a code for it.
 */
export function refusesModel(error: ToldError): boolean {
  return failureOf(error) === 'invalid_request' && (error.code === 'model_not_found' || [403, 404, 405].includes(statusOf(error)));
}

function statusOf({ status, code }: ToldError): number {
  return status ?? (typeof code === 'string' || typeof code === 'number' ? Number(code) : Number.NaN);
}
