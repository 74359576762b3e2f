import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Logger, Optional } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AppError } from '../../kernel/app-error.ts';
import { newPublicId } from '../../kernel/ids.ts';
import { requestContext, safeError } from '../telemetry/index.ts';
import { type HttpConfig, httpConfig, publicUrlOf } from './http.config.ts';
import { problemHeaders, toAppError, toProblem } from './problem.ts';

/** A gateway's client as far as an error concerns it. */
interface FailingSocket {
  fail(frame: unknown, error: AppError, requestId: string): void;
}

/** Renders every thrown value as the one error body: problem+json over HTTP, an `error` frame on a socket. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Errors');
  private readonly challenge: string | undefined;

  /** `http`: where a 401 is to point to the description of this API (RFC 9728 section 5.1). */
  constructor(@Optional() @Inject(httpConfig.token) http?: HttpConfig) {
    if (http !== undefined) this.challenge = `Bearer resource_metadata="${publicUrlOf(http)}/.well-known/oauth-protected-resource"`;
  }

  catch(thrown: unknown, host: ArgumentsHost): void {
    const error = toAppError(thrown);
    if (host.getType() === 'ws') {
      const ws = host.switchToWs();
      const requestId = newPublicId('request');
      requestContext.run({ request_id: requestId }, () => this.log(error));
      ws.getClient<FailingSocket>().fail(ws.getData(), error, requestId);
      return;
    }
    const http = host.switchToHttp();
    this.sendProblem(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  /** Sends an error as problem+json; when the answer has begun there is nothing to say but to cut it. */
  sendProblem(error: AppError, request: FastifyRequest, reply: FastifyReply): void {
    this.log(error);
    if (reply.raw.headersSent || reply.sent) {
      reply.raw.destroy();
      return;
    }
    const body = toProblem(error, pathOf(request.url), request.id);
    void reply
      .status(error.status)
      .headers(problemHeaders(error, this.challenge))
      .header('content-type', 'application/problem+json; charset=utf-8')
      .send(JSON.stringify(body));
  }

  private log(error: AppError): void {
    if (error.status >= 500)
      this.logger.error({ code: error.code, status: error.status, error: safeError(error.options.cause ?? error) }, 'request failed');
    else this.logger.debug({ code: error.code, status: error.status }, 'request refused');
  }
}

/** The path of a URL, without its query (which may hold a ticket). */
export function pathOf(url: string): string {
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
}
