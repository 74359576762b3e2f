import { Injectable } from '@nestjs/common';
import { newUuid, publicId, uuidOf } from '../../../kernel/ids.ts';
import type { Principal, UserPrincipal } from '../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../platform/audit/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { identityErrors } from '../identity.errors.ts';
import { memberOnly } from '../sessions/signed-in.service.ts';
import { FactorProofs } from './factor-proofs.ts';
import { FactorSecrets, type StoredPasskey } from './factor-secrets.ts';
import { type FactorOwner, type FactorRow, FactorsRepository } from './factors.repository.ts';
import { MemberAddresses } from './member-addresses.ts';
import { Passkeys } from './passkeys.ts';
import { newRecoveryCodes } from './recovery-codes.ts';
import type { AddPasskey, AddTotp } from './second-factor.schemas.ts';
import { Strengthening } from './strengthening.ts';
import { newTotpSecret, totpUrl } from './totp.ts';

/** Factors of one member at most. */
const maxFactors = 10;

/** Members' second factors: what they have in this tenant, added and taken away by themselves. */
@Injectable()
export class SecondFactors {
  constructor(
    private readonly database: TenantDatabase,
    private readonly repository: FactorsRepository,
    private readonly secrets: FactorSecrets,
    private readonly proofs: FactorProofs,
    private readonly passkeys: Passkeys,
    private readonly addresses: MemberAddresses,
    private readonly strengthening: Strengthening,
  ) {}

  /** The caller's own. Throws 403 for who is no member. */
  async list(caller: Principal) {
    const owner = memberOnly(caller);
    const { factors, left } = await this.database.forTenant(owner.tenantId, async (tx) => ({
      factors: await this.repository.of(tx, owner),
      left: await this.repository.codesLeft(tx, owner),
    }));
    const data = await Promise.all(factors.map((factor) => this.present(owner.tenantId, factor)));
    return { object: 'list' as const, data, recovery_codes_left: left };
  }

  /** A secret for an authenticator app, which counts when it was confirmed with a code. Throws 409 `too_many_second_factors`. */
  async addTotp(caller: Principal, { name }: AddTotp) {
    const owner = memberOnly(caller);
    const [id, secret] = [newUuid(), newTotpSecret()];
    await this.insert(owner, { id, kind: 'totp', name, material: secret, credential: undefined });
    const account = await this.addresses.of(owner);
    return { object: 'new_totp' as const, id: publicId('secondFactor', id), secret, otpauth_url: totpUrl(secret, account) };
  }

  /** Has an authenticator app count from now on; the session that asks is strong then. Throws 404, 422 `second_factor_refused`. */
  async confirmTotp(caller: Principal, id: string, code: string) {
    const owner = memberOnly(caller);
    const uuid = factorUuid(id);
    const found = (await this.database.forTenant(owner.tenantId, (tx) => this.repository.of(tx, owner))).find((each) => each.id === uuid);
    if (found?.kind !== 'totp') throw identityErrors.factorNotFound();
    if (!(await this.proofs.isCode(owner.tenantId, found, code))) throw identityErrors.factorRefused(422);
    return this.added(owner, uuid, found.confirmedAt === null, ['otp', 'mfa']);
  }

  /** What a browser needs to make a passkey. */
  async passkeyOptions(caller: Principal) {
    const owner = memberOnly(caller);
    const name = await this.addresses.of(owner);
    return this.passkeys.creationOptions(purposeOf(owner), { handle: this.secrets.userHandle(owner), name }, await this.passkeysOf(owner));
  }

  /** Has a passkey that was made count from now on. Throws 422 `second_factor_refused`, 409 `too_many_second_factors`. */
  async addPasskey(caller: Principal, { name, passkey }: AddPasskey) {
    const owner = memberOnly(caller);
    const made = await this.passkeys.made(purposeOf(owner), passkey);
    if (made === undefined) throw identityErrors.factorRefused(422);
    const { count, ...material } = made;
    const id = newUuid();
    await this.insert(owner, { id, kind: 'passkey', name, material: JSON.stringify(material), credential: { id: made.id, count } });
    return this.added(owner, id, true, ['pop', 'user', 'mfa']);
  }

  /** Takes a factor away, and with the last one the recovery codes. Throws 404, 409 `second_factor_needed`. */
  async remove(caller: Principal, id: string): Promise<void> {
    const owner = memberOnly(caller);
    const { tenantId, userId } = owner;
    const uuid = factorUuid(id);
    await this.database.forTenant(tenantId, async (tx) => {
      const factors = await this.repository.locked(tx, owner);
      const found = factors.find((factor) => factor.id === uuid);
      if (found === undefined) throw identityErrors.factorNotFound();
      const others = factors.filter((factor) => factor.id !== uuid && factor.confirmedAt !== null);
      if (found.confirmedAt !== null && others.length === 0) {
        if (await this.repository.isDemanded(tx, tenantId)) throw identityErrors.factorNeeded();
        await this.repository.replaceCodes(tx, owner, []);
      }
      await this.repository.delete(tx, tenantId, uuid);
      const object = { kind: 'user', id: userId } as const;
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'second_factor.remove', object, detail: { factor: found.kind } });
    });
    this.strengthening.announce(tenantId);
  }

  /** New recovery codes; those from before count no more. Throws 404 for who has no factor. */
  async newCodes(caller: Principal) {
    const owner = memberOnly(caller);
    const codes = await this.database.forTenant(owner.tenantId, async (tx) => {
      const factors = await this.repository.locked(tx, owner);
      if (factors.every(({ confirmedAt }) => confirmedAt === null)) throw identityErrors.factorNotFound();
      const object = { kind: 'user', id: owner.userId } as const;
      auditTrail.record(tx, owner.tenantId, { actor: actorOf(caller), action: 'second_factor.new_codes', object });
      const made = this.codes(owner);
      await this.repository.replaceCodes(tx, owner, made.stored);
      return made.shown;
    });
    return { object: 'recovery_codes' as const, recovery_codes: codes };
  }

  /** Takes away all of a member's (a UUID), who has lost them. */
  async reset(caller: Principal, userId: string): Promise<void> {
    const { tenantId } = caller;
    await this.database.forTenant(tenantId, async (tx) => {
      const factors = await this.repository.deleteAll(tx, { tenantId, userId });
      const object = { kind: 'user', id: userId } as const;
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'second_factor.reset', object, detail: { factors } });
    });
    this.strengthening.announce(tenantId);
  }

  private async insert(
    owner: UserPrincipal,
    factor: { id: string; kind: FactorRow['kind']; name: string; material: string; credential: { id: string; count: number } | undefined },
  ): Promise<void> {
    const { tenantId, userId } = owner;
    const { id, kind, credential } = factor;
    const sealed = await this.secrets.sealed(owner, id, factor.name, factor.material);
    const credentialHash = credential === undefined ? null : this.secrets.credentialHash(credential.id);
    await this.database.forTenant(tenantId, async (tx) => {
      const there = await this.repository.locked(tx, owner);
      // Of apps that were begun with and not confirmed only the newest is of use.
      const stale = kind === 'totp' ? there.filter((other) => other.confirmedAt === null) : [];
      for (const other of stale) await this.repository.delete(tx, tenantId, other.id);
      if (there.length - stale.length >= maxFactors) throw identityErrors.tooManyFactors(maxFactors);
      const signCount = credential?.count ?? null;
      await this.repository.insert(tx, { tenantId, userId, id, kind, ...sealed, credentialHash, signCount, confirmed: kind === 'passkey' });
    });
  }

  /** Notes that a factor counts from now on; gives recovery codes with the first. */
  private async added(owner: UserPrincipal, id: string, isNew: boolean, amr: string[]) {
    const { tenantId, userId } = owner;
    const { factor, codes } = await this.database.forTenant(tenantId, async (tx) => {
      const factors = await this.repository.locked(tx, owner);
      const found = factors.find((each) => each.id === id);
      if (found === undefined) throw identityErrors.factorNotFound();
      const first = isNew && factors.every((each) => each.id === id || each.confirmedAt === null);
      const made = first ? this.codes(owner) : undefined;
      if (made !== undefined) await this.repository.replaceCodes(tx, owner, made.stored);
      const object = { kind: 'user', id: userId } as const;
      if (isNew)
        auditTrail.record(tx, tenantId, { actor: actorOf(owner), action: 'second_factor.add', object, detail: { factor: found.kind } });
      return { factor: found, codes: made?.shown ?? null };
    });
    await this.strengthening.strengthen(owner, amr);
    return { object: 'added_second_factor' as const, factor: await this.present(tenantId, factor), recovery_codes: codes };
  }

  private codes(owner: FactorOwner): { shown: string[]; stored: { id: string; hash: Buffer }[] } {
    const shown = newRecoveryCodes();
    return { shown, stored: shown.map((code) => ({ id: newUuid(), hash: this.secrets.codeHash(owner, code) })) };
  }

  private async passkeysOf(owner: UserPrincipal): Promise<StoredPasskey[]> {
    const factors = await this.proofs.of(owner);
    return Promise.all(factors.filter(({ kind }) => kind === 'passkey').map((factor) => this.secrets.passkey(owner.tenantId, factor)));
  }

  private async present(tenantId: string, factor: FactorRow) {
    return {
      object: 'second_factor' as const,
      id: publicId('secondFactor', factor.id),
      kind: factor.kind,
      name: await this.secrets.name(tenantId, factor),
      confirmed: factor.confirmedAt !== null,
      created_at: factor.createdAt.toISOString(),
      last_used_at: factor.lastUsedAt?.toISOString() ?? null,
    };
  }
}

function purposeOf({ tenantId, userId }: FactorOwner): `add:${string}` {
  return `add:${tenantId}:${userId}`;
}

function factorUuid(id: string): string {
  const uuid = uuidOf('secondFactor', id);
  if (uuid === undefined) throw identityErrors.factorNotFound();
  return uuid;
}
