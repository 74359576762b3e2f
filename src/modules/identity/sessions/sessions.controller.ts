import { Controller, Delete, Get, Header, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller } from '../../../platform/http/index.ts';
import { RevokedSessions, SignedInList } from './sessions.schemas.ts';
import { SignedIn } from './signed-in.service.ts';

/** Where a member is signed in, over REST. */
@ApiTags('Auth')
@Controller('v1/sessions')
export class SessionsController {
  constructor(private readonly signedIn: SignedIn) {}

  @Get()
  @Access('authenticated')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'List where you are signed in', body: SignedInList })
  list(@Caller() caller: Principal) {
    return this.signedIn.list(caller);
  }

  @Post('revoke-others')
  @Access('authenticated')
  @Answers({ summary: 'Sign out everywhere else', body: RevokedSessions })
  revokeOthers(@Caller() caller: Principal) {
    return this.signedIn.revokeOthers(caller);
  }

  @Delete(':id')
  @Access('authenticated')
  @Answers({ summary: 'Sign out somewhere', status: 204 })
  revoke(@Caller() caller: Principal, @Param('id') id: string) {
    return this.signedIn.revoke(caller, id);
  }
}
