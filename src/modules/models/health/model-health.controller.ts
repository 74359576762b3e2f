import { Controller, Get, Inject, Req } from '@nestjs/common';
import { ApiExcludeEndpoint } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { commonErrors } from '../../../kernel/app-error.ts';
import { Access, type HttpConfig, httpConfig, isOperatorRequest } from '../../../platform/http/index.ts';
import { ModelHealth } from './model-health.ts';

/** How the model providers do, for whoever runs Parley: protected as `/metrics` is. */
@Controller('v1/models')
export class ModelHealthController {
  constructor(
    private readonly models: ModelHealth,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
  ) {}

  @Get('health')
  @Access('public')
  @ApiExcludeEndpoint()
  health(@Req() request: FastifyRequest) {
    if (!isOperatorRequest(request, this.http.metricsToken)) throw commonErrors.notFound('page');
    return this.models.view();
  }
}
