import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { commonErrors } from '../../kernel/app-error.ts';
import { Access, Answers, type HttpConfig, httpConfig, isOperatorRequest } from '../../platform/http/index.ts';
import { metricsRegistry } from '../../platform/telemetry/index.ts';
import { Health } from './health.service.ts';

const Alive = z.object({ status: z.literal('ok') }).meta({ id: 'Alive' });
const CheckState = z
  .string()
  .meta({ description: '`ok`, or why it cannot be used: `unreachable`, `disk full`, `read only`, …', examples: ['ok'] });
const ReadinessResponse = z
  .object({
    status: z.enum(['ready', 'not_ready', 'draining']),
    checks: z.object({ database: CheckState, keystore: CheckState, redis: CheckState }),
  })
  .meta({ id: 'Readiness' });

/** For whoever runs Parley: probes and metrics. */
@ApiTags('Operations')
@Controller()
export class OperationsController {
  constructor(
    private readonly health: Health,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
  ) {}

  @Get('livez')
  @Access('public')
  @Answers({ summary: 'The process runs; says nothing about what it depends on', body: Alive })
  live() {
    return { status: 'ok' as const };
  }

  @Get('startupz')
  @Access('public')
  @Answers({ summary: 'The replica has started', body: Alive })
  startup() {
    if (!this.health.isStarted) throw commonErrors.unavailable('The replica is still starting.');
    return { status: 'ok' as const };
  }

  @Get('readyz')
  @Access('public')
  @Answers({ summary: 'The replica can serve; 503 says why not', body: ReadinessResponse })
  async ready(@Res() reply: FastifyReply) {
    const { ready, draining, checks } = await this.health.readiness();
    const status = ready ? 'ready' : draining ? 'draining' : 'not_ready';
    void reply.status(ready ? 200 : 503).send({ status, checks });
  }

  @Get('metrics')
  @Access('public')
  @ApiExcludeEndpoint()
  async metrics(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    if (!isOperatorRequest(request, this.http.metricsToken)) throw commonErrors.notFound('page');
    void reply.header('content-type', metricsRegistry.contentType).send(await metricsRegistry.metrics());
  }
}
