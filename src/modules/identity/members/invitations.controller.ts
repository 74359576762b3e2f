import { Body, Controller, Delete, Get, Header, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller, KeepsNoAnswer, PageQuery } from '../../../platform/http/index.ts';
import { Invitations } from './invitations.service.ts';
import { CreateInvitation, InvitationPage, NewInvitationResponse } from './members.schemas.ts';

/** Invitations over REST. */
@ApiTags('Members')
@Controller('v1/invitations')
export class InvitationsController {
  constructor(private readonly invitations: Invitations) {}

  @Post()
  @KeepsNoAnswer()
  @Access('member.manage', { stepUp: true })
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Invite somebody by e-mail to become a member', status: 201, body: NewInvitationResponse })
  create(@Caller() caller: Principal, @Body({ schema: CreateInvitation }) body: CreateInvitation) {
    return this.invitations.create(caller, body);
  }

  @Get()
  @Access('member.read')
  @Answers({ summary: 'List open invitations, newest first', body: InvitationPage })
  list(@Caller() caller: Principal, @Query({ schema: PageQuery }) query: PageQuery) {
    return this.invitations.list(caller, query);
  }

  @Delete(':id')
  @Access('member.manage', { stepUp: true })
  @Answers({ summary: 'Take an invitation back', status: 204 })
  revoke(@Caller() caller: Principal, @Param('id') id: string) {
    return this.invitations.revoke(caller, id);
  }
}
