/** One field that was refused. `path` is dotted (`bot.name`), empty for the whole body. */
export interface FieldError {
  path: string;
  message: string;
}

/** What an error says to the caller, and what only the log may know. */
export interface AppErrorOptions {
  /** Seconds after which a retry can help; becomes `Retry-After`. */
  retryAfter?: number;
  /** False tells clients that a retry cannot help (`x-should-retry: false`). */
  retryable?: boolean;
  /** The parameter at fault, for OpenAI-shaped clients. */
  param?: string;
  errors?: FieldError[];
  /** The limit that refused, and when it begins anew (ISO 8601), where it does. */
  limit?: { name: string; resetsAt?: string };
  /** Extra response headers. */
  headers?: Record<string, string>;
  /** For the log only; never sent. */
  cause?: unknown;
}

/**
 * The one error that reaches callers. `code` is stable and machine readable, `message` is safe to show (no SQL, path,
 * secret or personal content). Everything else that is thrown becomes a 500 without detail.
 */
export class AppError extends Error {
  readonly code: string;
  readonly status: number;
  readonly options: AppErrorOptions;

  constructor(code: string, status: number, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.status = status;
    this.options = options;
  }
}

/** Errors that belong to no module. */
export const commonErrors = {
  invalidRequest: (errors: FieldError[], message = 'The request is not valid.') =>
    new AppError('invalid_request', 400, message, { errors, param: errors[0]?.path, retryable: false }),
  unauthenticated: (message = 'A valid credential is required.') => new AppError('unauthenticated', 401, message, { retryable: false }),
  forbidden: (message = 'This credential does not permit that.') => new AppError('forbidden', 403, message, { retryable: false }),
  notFound: (what = 'resource') => new AppError('not_found', 404, `There is no such ${what}.`, { retryable: false }),
  conflict: (code: string, message: string) => new AppError(code, 409, message, { retryable: false }),
  tooLarge: (message: string) => new AppError('too_large', 413, message, { retryable: false }),
  rateLimited: (retryAfter: number, message = 'Too many requests. Try again later.') =>
    new AppError('rate_limited', 429, message, { retryAfter }),
  unavailable: (message: string, retryAfter = 2, cause?: unknown) => new AppError('unavailable', 503, message, { retryAfter, cause }),
};
