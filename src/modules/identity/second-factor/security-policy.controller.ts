import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller } from '../../../platform/http/index.ts';
import { SecurityPolicy, SetSecurityPolicy } from './second-factor.schemas.ts';
import { SecurityPolicies } from './security-policy.service.ts';

/** What a tenant demands of its members, over REST. */
@ApiTags('Second factors')
@Controller('v1/security-policy')
export class SecurityPolicyController {
  constructor(private readonly policies: SecurityPolicies) {}

  @Get()
  @Access('tenant.read')
  @Answers({ summary: 'What the tenant demands of its members', body: SecurityPolicy })
  get(@Caller() caller: Principal) {
    return this.policies.get(caller);
  }

  @Put()
  @Access('security.manage', { stepUp: true })
  @Answers({ summary: 'Demand a second factor of all members, or no longer', body: SecurityPolicy })
  set(@Caller() caller: Principal, @Body({ schema: SetSecurityPolicy }) body: SetSecurityPolicy) {
    return this.policies.set(caller, body);
  }
}
