import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { uuidOf } from '../../../kernel/ids.ts';
import { AuditRefusals } from '../../../platform/audit/index.ts';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { SystemDatabase } from '../../../platform/database/index.ts';
import { identityErrors } from '../identity.errors.ts';
import { PasswordPolicy } from '../sso/domains/password-policy.ts';
import { type AccountCandidate, AccountsRepository } from './accounts.repository.ts';
import { normalisedEmail } from './email.ts';
import { PasswordHasher } from './password-hasher.ts';

/** What somebody signs in with. */
export interface SignInRequest {
  email: string;
  password: string;
  /** Public id of the tenant; without it the newest account that matches wins. */
  tenantId?: string | undefined;
}

/** Finds the account of an e-mail and password. */
@Injectable()
export class SignIn {
  constructor(
    private readonly system: SystemDatabase,
    private readonly accounts: AccountsRepository,
    private readonly hasher: PasswordHasher,
    private readonly hash: KeyedHash,
    private readonly refusals: AuditRefusals,
    private readonly policy: PasswordPolicy,
  ) {}

  /**
   * The account that matches and may be entered with a password. One password hash and two statements whatever is stored, and the same 401
   * `invalid_credentials` for an unknown e-mail, a wrong password, a disabled user and a suspended tenant; for all of a domain whose people sign in by
   * a provider, the same 403 `sso_required`.
   */
  async signIn(request: SignInRequest): Promise<AccountCandidate> {
    const { tenant, emailHash, matches } = await this.matchesOf(request);
    const allowed = await this.policy.allowed(normalisedEmail(request.email), tenant, matches).catch((error: unknown) => {
      void this.noteFailure(emailHash, tenant);
      throw error;
    });
    return this.newestOf(allowed, emailHash, tenant);
  }

  /** Whose password it is, for who comes by another way and shows besides who they are: a provider's word may count where a password alone does not. */
  async prove(request: SignInRequest): Promise<AccountCandidate> {
    const { tenant, emailHash, matches } = await this.matchesOf(request);
    return this.newestOf(matches, emailHash, tenant);
  }

  private async matchesOf({ email, password, tenantId }: SignInRequest) {
    const tenant = tenantId === undefined ? undefined : (uuidOf('tenant', tenantId) ?? noTenant);
    const emailHash = this.hash.of('email', normalisedEmail(email));
    const passwordHash = await this.hasher.hash(emailHash, password);
    const candidates = await this.system.run('sign-in', (tx) => this.accounts.candidates(tx, emailHash, passwordHash, tenant));
    return { tenant, emailHash, matches: candidates.filter((candidate) => isSame(candidate.passwordHash, passwordHash)) };
  }

  private newestOf([newest]: AccountCandidate[], emailHash: Buffer, tenant: string | undefined): AccountCandidate {
    if (newest === undefined) {
      // Not waited for: the answer takes as long whether there is such an account or not.
      void this.noteFailure(emailHash, tenant);
      throw identityErrors.invalidCredentials();
    }
    return newest;
  }

  /** Leaves an entry with the tenants in which somebody tried to come in. */
  private async noteFailure(emailHash: Buffer, tenant: string | undefined): Promise<void> {
    const accounts = await this.system.run('sign-in', (tx) => this.accounts.accountsOf(tx, emailHash, tenant)).catch(() => []);
    for (const { tenantId, userId } of accounts)
      this.refusals.note(tenantId, {
        actor: { kind: 'anonymous' },
        action: 'session.sign_in',
        object: { kind: 'user', id: userId },
        outcome: 'failed',
      });
  }
}

/** Stands for an id that no tenant has, so that a malformed id takes the same way as an unknown one. */
const noTenant = '00000000-0000-0000-0000-000000000000';

function isSame(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
