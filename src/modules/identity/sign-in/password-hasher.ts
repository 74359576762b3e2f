import { Inject, Injectable } from '@nestjs/common';
import { argon2id, hash } from 'argon2';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { type IdentityConfig, identityConfig } from '../identity.config.ts';
import { identityErrors } from '../identity.errors.ts';

/** argon2id as the OWASP Password Storage Cheat Sheet asks: 19 MiB, 2 passes, 1 lane. */
const parameters = { type: argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1, hashLength: 32 } as const;
const saltLength = 16;

/**
 * Hashes passwords, a few at a time. All accounts of one e-mail share a salt, derived from the e-mail under a secret key: so
 * one computation serves to compare with any number of accounts, none included, and its time tells nothing. Without the
 * master key the salts are unknown, so a stolen table cannot be attacked.
 */
@Injectable()
export class PasswordHasher {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly keyedHash: KeyedHash,
    @Inject(identityConfig.token) private readonly config: IdentityConfig,
  ) {}

  /** 32 bytes for a password under the keyed hash of its e-mail. Throws 503 when too many wait already. */
  async hash(emailHash: Buffer, password: string): Promise<Buffer> {
    await this.enter();
    try {
      const salt = this.keyedHash.of('password-salt', emailHash).subarray(0, saltLength);
      return await hash(password.normalize('NFKC'), { ...parameters, salt, raw: true });
    } finally {
      this.leave();
    }
  }

  private async enter(): Promise<void> {
    if (this.running < this.config.passwordHashesAtOnce) {
      this.running += 1;
      return;
    }
    if (this.waiting.length >= this.config.passwordHashQueue) throw identityErrors.busy();
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** Hands the place to the next in line, or frees it. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.running -= 1;
    else next();
  }
}
