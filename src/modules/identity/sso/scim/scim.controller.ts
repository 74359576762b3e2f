import { Body, Controller, Delete, Get, Header, HttpCode, Param, Patch, Post, Put, Query, UseFilters } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Principal } from '../../../../kernel/principal.ts';
import { Access, Caller, KeepsNoAnswer } from '../../../../platform/http/index.ts';
import { ScimGroups } from './scim-groups.service.ts';
import { ScimUsers } from './scim-users.service.ts';
import { ScimErrorFilter } from './scim.filter.ts';
import { ScimGroupBody, ScimPatch, ScimQuery, scimSchemas, ScimUserBody } from './scim.schemas.ts';

const type = 'application/scim+json; charset=utf-8';

/** SCIM 2.0 for a tenant's directory, with an API key that has the scope `scim.manage`. OpenAPI leaves it out: RFC 7643 and 7644 describe it. */
@ApiExcludeController()
@UseFilters(ScimErrorFilter)
@Controller('v1/scim/v2')
export class ScimController {
  constructor(
    private readonly users: ScimUsers,
    private readonly groups: ScimGroups,
  ) {}

  @Get('ServiceProviderConfig')
  @Access('scim.manage')
  @Header('content-type', type)
  config() {
    return {
      schemas: [scimSchemas.config],
      patch: { supported: true },
      bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
      filter: { supported: true, maxResults: 100 },
      changePassword: { supported: false },
      sort: { supported: false },
      etag: { supported: false },
      authenticationSchemes: [{ type: 'oauthbearertoken', name: 'API key', description: 'An API key with the scope scim.manage' }],
    };
  }

  @Get('Users')
  @Access('scim.manage')
  @Header('content-type', type)
  listUsers(@Caller() caller: Principal, @Query({ schema: ScimQuery }) query: ScimQuery) {
    return this.users.list(caller, query);
  }

  @Post('Users')
  @KeepsNoAnswer()
  @Access('scim.manage')
  @HttpCode(201)
  @Header('content-type', type)
  createUser(@Caller() caller: Principal, @Body({ schema: ScimUserBody }) body: ScimUserBody) {
    return this.users.create(caller, body);
  }

  @Get('Users/:id')
  @Access('scim.manage')
  @Header('content-type', type)
  getUser(@Caller() caller: Principal, @Param('id') id: string) {
    return this.users.get(caller, id);
  }

  @Put('Users/:id')
  @Access('scim.manage')
  @Header('content-type', type)
  replaceUser(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: ScimUserBody }) body: ScimUserBody) {
    return this.users.replace(caller, id, body);
  }

  @Patch('Users/:id')
  @Access('scim.manage')
  @Header('content-type', type)
  patchUser(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: ScimPatch }) body: ScimPatch) {
    return this.users.patch(caller, id, body);
  }

  @Delete('Users/:id')
  @Access('scim.manage')
  @HttpCode(204)
  removeUser(@Caller() caller: Principal, @Param('id') id: string) {
    return this.users.remove(caller, id);
  }

  @Get('Groups')
  @Access('scim.manage')
  @Header('content-type', type)
  listGroups(@Caller() caller: Principal, @Query({ schema: ScimQuery }) query: ScimQuery) {
    return this.groups.list(caller, query);
  }

  @Post('Groups')
  @KeepsNoAnswer()
  @Access('scim.manage')
  @HttpCode(201)
  @Header('content-type', type)
  createGroup(@Caller() caller: Principal, @Body({ schema: ScimGroupBody }) body: ScimGroupBody) {
    return this.groups.create(caller, body);
  }

  @Get('Groups/:id')
  @Access('scim.manage')
  @Header('content-type', type)
  getGroup(@Caller() caller: Principal, @Param('id') id: string) {
    return this.groups.get(caller, id);
  }

  @Put('Groups/:id')
  @Access('scim.manage')
  @Header('content-type', type)
  replaceGroup(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: ScimGroupBody }) body: ScimGroupBody) {
    return this.groups.replace(caller, id, body);
  }

  @Patch('Groups/:id')
  @Access('scim.manage')
  @Header('content-type', type)
  patchGroup(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: ScimPatch }) body: ScimPatch) {
    return this.groups.patch(caller, id, body);
  }

  @Delete('Groups/:id')
  @Access('scim.manage')
  @HttpCode(204)
  removeGroup(@Caller() caller: Principal, @Param('id') id: string) {
    return this.groups.remove(caller, id);
  }
}
