import { AppError, commonErrors } from '../../kernel/app-error.ts';
import { type Problem, toProblem } from '../../platform/http/index.ts';
import type { ModelError } from '../models/index.ts';

/** Errors of chat. */
export const chatErrors = {
  emptyMessage: () => commonErrors.invalidRequest([{ path: 'messages', message: 'the last user message has no text' }]),
  noUserMessage: () => commonErrors.invalidRequest([{ path: 'messages', message: 'there is no user message' }]),
  malformedMessage: () =>
    commonErrors.invalidRequest([
      { path: 'messages', message: 'the last user message needs an id of 1 to 200 characters and a list of parts' },
    ]),
  unsupportedPart: (type: string) =>
    commonErrors.invalidRequest([
      { path: 'messages', message: `parts of type ${JSON.stringify(type.slice(0, 40))} are not supported; send text` },
    ]),
  messageTooLarge: (limit: number) =>
    new AppError('message_too_large', 413, `A message may have at most ${limit} bytes.`, { retryable: false, param: 'messages' }),
  messageConflict: () =>
    commonErrors.conflict(
      'message_conflict',
      'This message id was sent before with another text. Send messageId to edit it, or use a new id.',
    ),
  tooManyWaiting: () =>
    new AppError('too_many_waiting', 429, 'Too many messages of this conversation are waiting for their answers.', { retryAfter: 5 }),
  queueFull: (retryAfter: number) =>
    new AppError('queue_full', 429, 'Too many messages are waiting for an answer right now. Try again a little later.', { retryAfter }),
  tooManyRequests: () => new AppError('too_many_requests', 429, 'Too many requests are open on this socket.', { retryAfter: 1 }),
  requestIdInUse: () => commonErrors.conflict('request_id_in_use', 'A request with this requestId is still open on this socket.'),
  tooFast: (retryAfter: number, headers: Record<string, string>) =>
    new AppError('rate_limited', 429, 'Too many messages. Try again a little later.', { retryAfter, headers }),
  lastMessageNotUser: () => commonErrors.invalidRequest([{ path: 'messages', message: 'the last message must be a user message' }]),
  idempotencyKeyReused: () =>
    new AppError('idempotency_key_reused', 422, 'This Idempotency-Key was used with another body.', {
      retryable: false,
      param: 'Idempotency-Key',
    }),
  botRequired: () => commonErrors.invalidRequest([{ path: 'bot_id', message: 'name the bot that is to answer' }]),
  originNotAllowed: () =>
    new AppError('origin_not_allowed', 403, 'This origin is not among the allowed origins of the bot.', { retryable: false }),
  identityRequired: () =>
    new AppError(
      'identity_required',
      403,
      'This bot talks only with visitors for whom the tenant vouches. Send an identity_token that your server has signed.',
      { retryable: false, param: 'identity_token' },
    ),
  oneIdentity: () =>
    commonErrors.invalidRequest([
      { path: 'identity_token', message: 'says who the visitor is by itself: send neither visitor_id nor visitor_token' },
    ]),
  promptInjectionBlocked: (reasons: readonly string[]) =>
    new AppError(
      'prompt_injection_blocked',
      422,
      `The message was not accepted, since it looks like an attack on the instructions of this assistant: ${reasons.join(', ')}.`,
      { retryable: false, param: 'messages' },
    ),
  restarted: () =>
    new AppError('answer_restarted', 500, 'The answer began anew and cannot be taken back here. Read it from the conversation.'),
  interrupted: () => new AppError('answer_interrupted', 502, 'The answer was cut off before its end.', { retryAfter: 1 }),
};

const modelProblems: Record<ModelError['failure'], [code: string, status: number, message: string]> = {
  throttled: ['model_throttled', 429, 'The model provider is busy. Try again a little later.'],
  timeout: ['model_timeout', 504, 'The model took too long to answer.'],
  unreachable: ['model_unreachable', 502, 'The model provider cannot be reached.'],
  server_error: ['model_error', 502, 'The model provider failed.'],
  bad_response: ['model_error', 502, 'The model provider gave an answer that makes no sense.'],
  truncated: ['model_error', 502, 'The model provider broke its answer off.'],
  context_too_long: ['context_too_long', 400, 'The message does not fit into the window of the model.'],
  content_filter: ['content_filtered', 400, "The model provider's content filter refused this."],
  credential: ['model_credential', 502, 'The model provider refuses the configured credential.'],
  invalid_request: ['model_request', 502, 'The model provider refuses the request.'],
  aborted: ['aborted', 499, 'The answer was stopped.'],
};

/** A failed model call as the reader is told: never the provider's own text. */
export function modelProblem(error: ModelError): AppError {
  const [code, status, message] = modelProblems[error.failure];
  return new AppError(code, status, message, error.retryAfterMs === undefined ? {} : { retryAfter: error.retryAfterMs / 1_000 });
}

/** The error that a stored code stands for. */
export function problemOfCode(code: string): AppError {
  if (code === 'quota_exceeded') return new AppError(code, 429, 'A limit of the plan was reached.', { retryable: false });
  const known = Object.values(modelProblems).find(([name]) => name === code);
  return known === undefined ? new AppError(code, 500, 'The answer failed.') : new AppError(...known);
}

/** An error as the text of an `error` frame or chunk: the JSON of the one error body. */
export function problemText(error: AppError, requestId = ''): string {
  return JSON.stringify(toProblem(error, '/v1/chat', requestId));
}

/** The error that an `error` chunk's text tells of. */
export function problemFromText(text: string): AppError {
  const { code, status, detail, limit, resets_at, retry_after } = JSON.parse(text) as Problem;
  return new AppError(code, status, detail, {
    ...(retry_after === undefined ? {} : { retryAfter: retry_after }),
    // Only limits of the plan are named, and those that can end an answer are of a month or a day.
    ...(limit === undefined
      ? {}
      : { retryable: false, limit: { name: limit, ...(resets_at === undefined ? {} : { resetsAt: resets_at }) } }),
  });
}
