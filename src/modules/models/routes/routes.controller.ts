import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller, PageQuery } from '../../../platform/http/index.ts';
import { CreateRoute, RoutePage, RouteResponse, UpdateRoute } from './routes.schemas.ts';
import { RoutesService } from './routes.service.ts';

/** Routes to models over REST. */
@ApiTags('Models')
@Controller('v1/model-routes')
export class RoutesController {
  constructor(private readonly routes: RoutesService) {}

  @Post()
  @Access('model_route.manage')
  @Answers({ summary: 'Create a route: models in the order in which they are asked', status: 201, body: RouteResponse })
  create(@Caller() caller: Principal, @Body({ schema: CreateRoute }) body: CreateRoute) {
    return this.routes.create(caller, body);
  }

  @Get()
  @Access('model_route.read')
  @Answers({ summary: 'List routes, newest first', body: RoutePage })
  list(@Caller() caller: Principal, @Query({ schema: PageQuery }) query: PageQuery) {
    return this.routes.list(caller, query);
  }

  @Get(':id')
  @Access('model_route.read')
  @Answers({ summary: 'Read a route', body: RouteResponse })
  get(@Caller() caller: Principal, @Param('id') id: string) {
    return this.routes.get(caller, id);
  }

  @Patch(':id')
  @Access('model_route.manage')
  @Answers({ summary: 'Change a route; targets are replaced as a whole', body: RouteResponse })
  update(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: UpdateRoute }) body: UpdateRoute) {
    return this.routes.update(caller, id, body);
  }

  @Delete(':id')
  @Access('model_route.manage')
  @Answers({ summary: 'Delete a route', status: 204 })
  delete(@Caller() caller: Principal, @Param('id') id: string) {
    return this.routes.delete(caller, id);
  }
}
