import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { newUuid } from '../../../kernel/ids.ts';
import { type ContentKey, KeyedHash, KeyRing, seal, SubjectErased } from '../../../platform/crypto/index.ts';
import { SystemDatabase } from '../../../platform/database/index.ts';
import { Mailer } from '../../../platform/mail/index.ts';
import { RecoveryRepository } from '../recovery/recovery.repository.ts';
import { AccountsRepository } from '../sign-in/accounts.repository.ts';
import { PasswordHasher } from '../sign-in/password-hasher.ts';
import { emailPlace } from '../sign-in/sign-up.service.ts';

/** A user who is about to become a member, with what their membership stores. */
export interface InvitedAccount {
  userId: string;
  /** Id of the membership, and the e-mail sealed for it. */
  email: { id: string; email: Buffer };
}

/** The accounts of people who come with an invitation. */
@Injectable()
export class InvitedAccounts {
  constructor(
    private readonly system: SystemDatabase,
    private readonly accounts: AccountsRepository,
    private readonly hasher: PasswordHasher,
    private readonly hash: KeyedHash,
    private readonly keyRing: KeyRing,
    private readonly mailer: Mailer,
    private readonly recovery: RecoveryRepository,
  ) {}

  /** By what the token of an invitation is found. */
  tokenHash(token: string): Buffer {
    return this.hash.of('invitation', token);
  }

  /** The user with this e-mail and password: whoever knows both already, else a new one. */
  async accountOf(tenantId: string, email: string, password: string): Promise<InvitedAccount> {
    const emailHash = this.hash.of('email', email);
    const passwordHash = await this.hasher.hash(emailHash, password);
    const candidates = await this.system.run('sign-in', (tx) => this.accounts.candidates(tx, emailHash, passwordHash, undefined));
    const known = candidates.find((candidate) => timingSafeEqual(candidate.passwordHash, passwordHash))?.userId;
    const knownKey = known === undefined ? undefined : await this.keyOf(tenantId, known);
    const [userId, id] = [knownKey === undefined || known === undefined ? newUuid() : known, newUuid()];
    if (knownKey === undefined)
      await this.system.run('sign-up', (tx) => this.accounts.insertUser(tx, { id: userId, emailHash, passwordHash }));
    // The token of their invitation came by mail.
    if (this.mailer.enabled) await this.system.run('sign-up', (tx) => this.recovery.setVerified(tx, userId));
    const key = knownKey ?? (await this.keyRing.visitorKey(tenantId, userId));
    return { userId, email: { id, email: seal(key, emailPlace(tenantId, id), email) } };
  }

  /** Undefined for a user whom this tenant has erased: they can come back as another one. */
  private async keyOf(tenantId: string, userId: string): Promise<ContentKey | undefined> {
    try {
      return await this.keyRing.visitorKey(tenantId, userId);
    } catch (error) {
      if (error instanceof SubjectErased) return undefined;
      throw error;
    }
  }
}
