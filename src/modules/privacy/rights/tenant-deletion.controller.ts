import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller, KeepsNoAnswer } from '../../../platform/http/index.ts';
import { DeleteTenant, DeletionQuery, TenantDeletionResponse } from './tenant-deletion.schemas.ts';
import { TenantDeletions } from './tenant-deletion.service.ts';

/** The end of a tenant, over REST. */
@ApiTags('Privacy')
@Controller('v1/privacy/tenant-deletions')
export class TenantDeletionController {
  constructor(private readonly deletions: TenantDeletions) {}

  @Post()
  @KeepsNoAnswer()
  @Access('tenant.delete', { stepUp: true })
  @Answers({
    summary: 'Delete the tenant as a whole: people, bots, conversations, keys, for good',
    status: 202,
    body: TenantDeletionResponse,
  })
  request(@Caller() caller: Principal, @Body({ schema: DeleteTenant }) body: DeleteTenant) {
    return this.deletions.request(caller, body);
  }

  @Get(':id')
  @Access('public')
  @Answers({ summary: 'How far the deletion of a tenant is, and its receipt', body: TenantDeletionResponse })
  get(@Param('id') id: string, @Query({ schema: DeletionQuery }) query: DeletionQuery) {
    return this.deletions.get(id, query.receipt_token);
  }
}
