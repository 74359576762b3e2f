import { Body, Controller, Header, Ip, Post } from '@nestjs/common';
import { AcceptInvitation } from '../members/members.schemas.ts';
import { Access, Answers } from '../../../platform/http/index.ts';
import { RefreshBody, SessionResponse, SignInBody, SignInResponse, SignUpBody } from './auth.schemas.ts';
import { Auth } from './auth.service.ts';

/** Signing up, in and out. */
@Controller('v1/auth')
export class AuthController {
  constructor(private readonly auth: Auth) {}

  @Post('sign-up')
  @Access('public')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Make a user with a tenant of their own, signed in', status: 201, body: SessionResponse })
  signUp(@Body({ schema: SignUpBody }) body: SignUpBody, @Ip() address: string) {
    return this.auth.signUp(body, address);
  }

  @Post('sign-in')
  @Access('public')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Sign in with e-mail and password; a member with a second factor gets what its step needs', body: SignInResponse })
  signIn(@Body({ schema: SignInBody }) body: SignInBody, @Ip() address: string) {
    return this.auth.signIn(body, address);
  }

  @Post('accept-invitation')
  @Access('public')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Become a member by an invitation, signed in', status: 201, body: SessionResponse })
  acceptInvitation(@Body({ schema: AcceptInvitation }) body: AcceptInvitation, @Ip() address: string) {
    return this.auth.acceptInvitation(body, address);
  }

  @Post('refresh')
  @Access('public')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Exchange a refresh token for new tokens', body: SessionResponse })
  refresh(@Body({ schema: RefreshBody }) body: RefreshBody) {
    return this.auth.refresh(body);
  }

  @Post('sign-out')
  @Access('public')
  @Answers({ summary: 'End the session of a refresh token', status: 204 })
  signOut(@Body({ schema: RefreshBody }) body: RefreshBody) {
    return this.auth.signOut(body);
  }
}
