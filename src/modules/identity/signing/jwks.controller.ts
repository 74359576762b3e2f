import { Controller, Get, Header } from '@nestjs/common';
import { z } from 'zod';
import { Access, Answers } from '../../../platform/http/index.ts';
import { SigningKeys } from './signing-keys.ts';

const Jwks = z.object({ keys: z.array(z.record(z.string(), z.unknown())) }).meta({ id: 'JsonWebKeySet' });

/** Public keys for those who verify our tokens themselves. */
@Controller('.well-known')
export class JwksController {
  constructor(private readonly keys: SigningKeys) {}

  @Get('jwks.json')
  @Access('public')
  @Header('cache-control', 'public, max-age=300')
  @Answers({ summary: 'Public keys that verify access tokens', body: Jwks })
  jwks() {
    return this.keys.jwks();
  }
}
