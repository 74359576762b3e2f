import { AsyncLocalStorage } from 'node:async_hooks';
import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, type LogFn, type Logger, type LoggerOptions, pino } from 'pino';
import { safeError } from './safe-error.ts';

/** Where a request came from, as far as it may be kept: see platform/http/request-origin. */
export interface RequestOrigin {
  /** The network of the caller's address in clear: its first 24 bits, of IPv6 its first 48. */
  network: string;
  /** Keyed hash of the whole address, another one for each tenant. */
  addressHash: (tenantId: string) => Buffer;
}

/** What is known of the request that code runs for. */
export interface RequestContext {
  /** Stands in each of its log lines. */
  request_id: string;
  /** Asked only where it is needed; never logged. */
  origin?: () => RequestOrigin;
  /** The caller's address and what their program calls itself. Personal: sealed wherever it is kept, and never logged. */
  client?: () => { address: string; userAgent: string | undefined };
}

/** The request that the current code runs for. */
export const requestContext = new AsyncLocalStorage<RequestContext>();

/** Fields that are never written, wherever they stand. The last line of defence: nobody should log them at all. */
const secretFields = [
  'authorization',
  'cookie',
  'password',
  'token',
  'ticket',
  'secret',
  'api_key',
  'apiKey',
  'refresh_token',
  'access_token',
  'visitor_token',
  'content',
  'text',
  'parts',
  'messages',
  'email',
];

/** JSON lines with the request id; secrets and content removed by name. Writes to standard output. */
export function createPino(level: string, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: { service: 'parley' },
    timestamp: pino.stdTimeFunctions.isoTime,
    mixin: () => {
      const context = requestContext.getStore();
      return context === undefined ? {} : { request_id: context.request_id };
    },
    redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: '[redacted]' },
    hooks: { logMethod: logWithoutMessageOfError },
    serializers: { err: safeError, error: (value: unknown) => (value instanceof Error ? safeError(value) : value) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Without a text of its own pino takes the message of the error for it, past all serializers. */
function logWithoutMessageOfError(this: Logger, args: Parameters<LogFn>, method: LogFn): void {
  const [first, text, ...rest] = args as unknown[];
  const error = first instanceof Error ? first : (first as { err?: unknown } | null | undefined)?.err;
  if (!(error instanceof Error)) return method.apply(this, args);
  const fields = first instanceof Error ? { error } : (first as object);
  method.apply(this, [fields, text ?? error.name, ...rest] as unknown as Parameters<LogFn>);
}

/** Nest's logger over pino. Calls are `log(fields?, text, context?)`; an Error among them is reduced by `safeError`. */
export class PinoLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.write('info', message, rest);
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  private write(level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal', message: unknown, rest: unknown[]): void {
    const texts = rest.filter((part): part is string => typeof part === 'string');
    const context = texts.at(-1);
    if (message instanceof Error) this.logger[level]({ context, error: safeError(message) }, message.name);
    else if (typeof message === 'object' && message !== null) {
      const text = texts.length > 1 ? texts[0] : undefined;
      this.logger[level]({ context, ...message }, text);
    } else this.logger[level]({ context }, String(message));
  }
}
