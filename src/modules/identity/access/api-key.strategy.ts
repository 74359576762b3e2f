import { Injectable } from '@nestjs/common';
import passport from 'passport';
import { ApiKeyLookup } from '../api-keys/api-key-lookup.ts';
import type { CredentialRequest } from './credential-request.ts';

/** Passport strategy for API keys, secret and publishable. */
@Injectable()
export class ApiKeyStrategy extends passport.Strategy {
  override readonly name = 'api-key';

  constructor(private readonly keys: ApiKeyLookup) {
    super();
  }

  override authenticate(request: unknown): void {
    this.keys.find((request as CredentialRequest).credential).then(
      (principal) => (principal === undefined ? this.fail('unknown key', 401) : this.success(principal)),
      (error: unknown) => this.error(error),
    );
  }
}
