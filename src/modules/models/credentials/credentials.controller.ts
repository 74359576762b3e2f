import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller, PageQuery } from '../../../platform/http/index.ts';
import { CreateCredential, CredentialPage, CredentialResponse, UpdateCredential } from './credentials.schemas.ts';
import { CredentialsService } from './credentials.service.ts';

/** Credentials at model providers over REST. */
@ApiTags('Models')
@Controller('v1/model-credentials')
export class CredentialsController {
  constructor(private readonly credentials: CredentialsService) {}

  @Post()
  @Access('model_credential.manage')
  @Answers({ summary: 'Add a credential at a model provider; it is tried first', status: 201, body: CredentialResponse })
  create(@Caller() caller: Principal, @Body({ schema: CreateCredential }) body: CreateCredential) {
    return this.credentials.create(caller, body);
  }

  @Get()
  @Access('model_credential.read')
  @Answers({ summary: 'List model credentials, newest first', body: CredentialPage })
  list(@Caller() caller: Principal, @Query({ schema: PageQuery }) query: PageQuery) {
    return this.credentials.list(caller, query);
  }

  @Get(':id')
  @Access('model_credential.read')
  @Answers({ summary: 'Read a model credential, without its secret', body: CredentialResponse })
  get(@Caller() caller: Principal, @Param('id') id: string) {
    return this.credentials.get(caller, id);
  }

  @Patch(':id')
  @Access('model_credential.manage')
  @Answers({ summary: 'Change a model credential; a new secret is tried first', body: CredentialResponse })
  update(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: UpdateCredential }) body: UpdateCredential) {
    return this.credentials.update(caller, id, body);
  }

  @Delete(':id')
  @Access('model_credential.manage')
  @Answers({ summary: 'Delete a model credential', status: 204 })
  delete(@Caller() caller: Principal, @Param('id') id: string) {
    return this.credentials.delete(caller, id);
  }
}
