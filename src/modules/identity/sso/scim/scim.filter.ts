import { Catch } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AppError } from '../../../../kernel/app-error.ts';
import { ProblemFilter, problemHeaders } from '../../../../platform/http/index.ts';
import { ScimError } from './scim.errors.ts';
import { scimSchemas } from './scim.schemas.ts';

/** Says refusals as SCIM does (RFC 7644, section 3.12); what is not the caller's fault goes the way of everything. */
@Catch()
export class ScimErrorFilter extends ProblemFilter {
  override sendProblem(error: AppError, request: FastifyRequest, reply: FastifyReply): void {
    if (error.status >= 500 || reply.sent) return super.sendProblem(error, request, reply);
    const scimType = error instanceof ScimError ? error.scimType : error.status === 400 ? 'invalidValue' : undefined;
    const details = (error.options.errors ?? []).map(({ path, message }) => `${path} ${message}`.trim()).join('; ');
    const body = { schemas: [scimSchemas.error], status: String(error.status), scimType, detail: details === '' ? error.message : details };
    void reply
      .status(error.status)
      .headers(problemHeaders(error))
      .header('content-type', 'application/scim+json; charset=utf-8')
      .send(JSON.stringify(body));
  }
}
