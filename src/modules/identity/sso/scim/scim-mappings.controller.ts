import { Body, Controller, Get, Param, Patch } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Principal } from '../../../../kernel/principal.ts';
import { Access, Answers, Caller } from '../../../../platform/http/index.ts';
import { ScimGroups } from './scim-groups.service.ts';

const Role = z.enum(['admin', 'developer', 'viewer']).nullable();
const ScimGroupMapping = z
  .object({ object: z.literal('scim_group'), id: z.string(), display_name: z.string(), role: Role })
  .meta({ id: 'ScimGroupMapping' });
const ScimGroupMappings = z.object({ object: z.literal('list'), data: z.array(ScimGroupMapping) }).meta({ id: 'ScimGroupMappings' });
const UpdateMapping = z.strictObject({ role: Role }).meta({ id: 'UpdateScimGroupMapping' });

/** Which roles the groups of a directory give. The directory says who is in a group, never what that means here. */
@ApiTags('Single sign-on')
@Controller('v1/scim-groups')
export class ScimMappingsController {
  constructor(private readonly groups: ScimGroups) {}

  @Get()
  @Access('identity_provider.read')
  @Answers({ summary: 'List the groups of the directory with the roles that they give, a hundred', body: ScimGroupMappings })
  list(@Caller() caller: Principal) {
    return this.groups.mappings(caller);
  }

  @Patch(':id')
  @Access('identity_provider.manage', { stepUp: true })
  @Answers({ summary: 'Say which role a group of the directory gives', body: ScimGroupMapping })
  update(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: UpdateMapping }) body: z.output<typeof UpdateMapping>) {
    return this.groups.setRole(caller, id, body.role);
  }
}
