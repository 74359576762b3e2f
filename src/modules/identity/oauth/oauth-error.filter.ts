import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { AppError } from '../../../kernel/app-error.ts';
import { problemHeaders, toAppError } from '../../../platform/http/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import { oauthErrorCodes } from './oauth.errors.ts';

/** Renders errors of the OAuth endpoints as RFC 6749 section 5.2 has them: `{error, error_description}`, which OAuth libraries read. */
@Catch()
export class OAuthErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger('Errors');

  catch(thrown: unknown, host: ArgumentsHost): void {
    const error = toAppError(thrown);
    if (error.status >= 500)
      this.logger.error({ code: error.code, status: error.status, error: safeError(error.options.cause ?? error) }, 'request failed');
    const body = { error: codeOf(error), error_description: described(error.message) };
    void host
      .switchToHttp()
      .getResponse<FastifyReply>()
      .status(error.status)
      .headers({ ...problemHeaders(error), 'cache-control': 'no-store', 'content-type': 'application/json; charset=utf-8' })
      .send(JSON.stringify(body));
  }
}

/** What is not among the RFC's codes becomes the nearest of them. */
function codeOf({ code, status }: AppError): string {
  if ((oauthErrorCodes as readonly string[]).includes(code)) return code;
  if (status === 429 || status === 503) return 'temporarily_unavailable';
  return status >= 500 ? 'server_error' : 'invalid_request';
}

/** RFC 6749 allows printable ASCII without `"` and `\` in a description. */
function described(message: string): string {
  return message.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, '?');
}
