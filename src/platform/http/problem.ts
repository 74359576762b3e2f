import { AppError, commonErrors, type FieldError } from '../../kernel/app-error.ts';
import { KeyRetired } from '../crypto/index.ts';
import { isDatabaseUnavailable, isUnstorableText } from '../database/index.ts';

/** The one error body: RFC 9457 plus a member `error` in OpenAI's shape, so that existing clients show the right message. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: string;
  request_id: string;
  /** Seconds after which a retry can help, as the header says too: a frame has no headers. */
  retry_after?: number;
  /** Which limit refused, and when it begins anew. */
  limit?: string;
  resets_at?: string;
  errors?: FieldError[];
  error: { message: string; type: string; code: string; param: string | null };
}

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** OpenAI's name for a class of errors. */
function openAiType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

/** Builds the body for an error. `instance` is the path that was asked, without its query. */
export function toProblem(error: AppError, instance: string, requestId: string): Problem {
  const { errors, param, retryAfter, limit } = error.options;
  return {
    type: `urn:parley:problem:${error.code}`,
    title: titles[error.status] ?? 'Error',
    status: error.status,
    detail: error.message,
    instance,
    code: error.code,
    request_id: requestId,
    ...(retryAfter === undefined ? {} : { retry_after: wholeSeconds(retryAfter) }),
    ...(limit === undefined ? {} : { limit: limit.name, ...(limit.resetsAt === undefined ? {} : { resets_at: limit.resetsAt }) }),
    ...(errors === undefined ? {} : { errors }),
    error: { message: error.message, type: openAiType(error.status), code: error.code, param: param ?? null },
  };
}

/** Headers that go with an error. `challenge`: what a 401 asks for, unless the error says that itself. */
export function problemHeaders(error: AppError, challenge = 'Bearer'): Record<string, string> {
  const { retryAfter, retryable, headers } = error.options;
  return {
    ...(error.status === 401 ? { 'www-authenticate': challenge } : {}),
    ...headers,
    ...(retryAfter === undefined ? {} : { 'retry-after': String(wholeSeconds(retryAfter)) }),
    ...(retryable === false ? { 'x-should-retry': 'false' } : {}),
  };
}

function wholeSeconds(seconds: number): number {
  return Math.max(1, Math.ceil(seconds));
}

const frameworkCodes: Record<number, [code: string, message: string]> = {
  400: ['invalid_request', 'The request is not valid.'],
  401: ['unauthenticated', 'A valid credential is required.'],
  403: ['forbidden', 'This credential does not permit that.'],
  404: ['not_found', 'There is nothing at this path.'],
  405: ['method_not_allowed', 'This path does not know that method.'],
  413: ['too_large', 'The request body is too large.'],
  414: ['too_large', 'The URL is too long.'],
  415: ['unsupported_media_type', 'The body must be application/json.'],
};

/**
 * Any thrown value to an AppError. What is not one of ours loses its text, since a library's message may quote content,
 * SQL or paths: a framework's 4xx keeps its status, the rest becomes 503 (a dependency is away) or 500.
 */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  if (isDatabaseUnavailable(thrown)) return commonErrors.unavailable('The database cannot be reached right now.', 2, thrown);
  if (isRedisUnavailable(thrown)) return commonErrors.unavailable('A part of the service cannot be reached right now.', 2, thrown);
  if (isUnstorableText(thrown)) {
    return new AppError('invalid_request', 400, 'A text holds a character that cannot be stored (NUL).', {
      retryable: false,
      cause: thrown,
    });
  }
  if (thrown instanceof KeyRetired)
    return new AppError('content_closed', 410, 'The key of this content has been retired.', { retryable: false });
  const status = statusOf(thrown);
  if (status !== undefined && status >= 400 && status < 500) {
    const [code, message] = frameworkCodes[status] ?? ['invalid_request', 'The request is not valid.'];
    return new AppError(code, status, message, { retryable: false });
  }
  return new AppError('internal', 500, 'Something went wrong on our side. The request id finds it in the log.', { cause: thrown });
}

/** What ioredis says of a connection that is gone or silent, and Redis of itself when it cannot serve. */
const redisUnavailable =
  /Stream isn't writeable|Connection is closed|Command timed out|Command aborted due to connection close|Socket timeout\. Expecting data|^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|MISCONF|OOM)/;

function isRedisUnavailable(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  return thrown.name === 'MaxRetriesPerRequestError' || redisUnavailable.test(thrown.message);
}

function statusOf(thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  const { statusCode, status, getStatus } = thrown as { statusCode?: unknown; status?: unknown; getStatus?: () => number };
  if (typeof getStatus === 'function') return getStatus.call(thrown);
  if (typeof statusCode === 'number') return statusCode;
  return typeof status === 'number' ? status : undefined;
}
