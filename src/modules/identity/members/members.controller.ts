import { Body, Controller, Delete, Get, Param, Patch, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller, PageQuery } from '../../../platform/http/index.ts';
import { RevokedSessions } from '../sessions/sessions.schemas.ts';
import { MemberPage, MemberResponse, UpdateMember } from './members.schemas.ts';
import { Members } from './members.service.ts';

/** The people of a tenant, over REST. */
@ApiTags('Members')
@Controller('v1/members')
export class MembersController {
  constructor(private readonly members: Members) {}

  @Get()
  @Access('member.read')
  @Answers({ summary: 'List members, newest user first', body: MemberPage })
  list(@Caller() caller: Principal, @Query({ schema: PageQuery }) query: PageQuery) {
    return this.members.list(caller, query);
  }

  @Patch(':id')
  @Access('member.manage', { stepUp: true })
  @Answers({ summary: 'Give a member another role', body: MemberResponse })
  update(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: UpdateMember }) body: UpdateMember) {
    return this.members.update(caller, id, body);
  }

  @Delete(':id/sessions')
  @Access('member.manage')
  @Answers({ summary: 'Sign a member out everywhere', body: RevokedSessions })
  signOut(@Caller() caller: Principal, @Param('id') id: string) {
    return this.members.signOut(caller, id);
  }

  @Delete(':id/second-factors')
  @Access('member.manage', { stepUp: true })
  @Answers({ summary: 'Take away the second factors of a member who has lost them', status: 204 })
  resetFactors(@Caller() caller: Principal, @Param('id') id: string) {
    return this.members.resetFactors(caller, id);
  }

  // Whoever leaves needs no more than to be a member; the rest is decided by whose membership it is.
  @Delete(':id')
  @Access('tenant.read', { stepUp: true })
  @Answers({ summary: 'Take a member out, or leave', status: 204 })
  remove(@Caller() caller: Principal, @Param('id') id: string) {
    return this.members.remove(caller, id);
  }
}
