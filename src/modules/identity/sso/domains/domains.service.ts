import { Injectable } from '@nestjs/common';
import { newSecret, newUuid, uuidOf } from '../../../../kernel/ids.ts';
import type { Principal } from '../../../../kernel/principal.ts';
import { actorOf, type AuditAction, type AuditDetail, auditTrail } from '../../../../platform/audit/index.ts';
import { TenantDatabase, type Transaction } from '../../../../platform/database/index.ts';
import { type PageQuery, toPage } from '../../../../platform/http/index.ts';
import { requireRank } from '../../members/members.service.ts';
import { MembersRepository } from '../../members/members.repository.ts';
import { IdentityProvidersRepository } from '../providers/identity-providers.repository.ts';
import { ssoErrors } from '../sso.errors.ts';
import { DomainRecords } from './domain-records.ts';
import { challengeName, challengeValue, type CreateDomain, toDomainResponse, type UpdateDomain } from './domains.schemas.ts';
import { type DomainRow, DomainsRepository } from './domains.repository.ts';

/** Domains of one tenant at most. */
const maxDomains = 50;

/** Domains that a tenant has proven to be its own, and whose people sign in by its providers only. */
@Injectable()
export class Domains {
  constructor(
    private readonly database: TenantDatabase,
    private readonly repository: DomainsRepository,
    private readonly records: DomainRecords,
    private readonly members: MembersRepository,
    private readonly providers: IdentityProvidersRepository,
  ) {}

  /** Takes a domain; what its TXT record must say is in the answer. Throws 409 for one that is there, or the fifty-first. */
  async create(caller: Principal, { domain }: CreateDomain) {
    const { tenantId } = caller;
    const [id, challenge] = [newUuid(), newSecret(24)];
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.repository.insert(tx, tenantId, { id, domain, challenge }, maxDomains))) throw ssoErrors.domainTaken(maxDomains);
      record(tx, caller, 'domain.add', id);
      return this.repository.lock(tx, tenantId, id);
    });
    return toDomainResponse(found(stored));
  }

  /** A page of domains, newest first. */
  async list({ tenantId }: Principal, query: PageQuery) {
    const after = query.after === undefined ? undefined : domainUuid(query.after);
    const stored = await this.database.forTenant(tenantId, (tx) => this.repository.page(tx, tenantId, query.limit + 1, after));
    return toPage(stored, query.limit, toDomainResponse);
  }

  /** Looks for the TXT record; the answer says whether the domain is proven. Throws 404. */
  async verify(caller: Principal, id: string) {
    const { tenantId } = caller;
    const uuid = domainUuid(id);
    const asked = found(await this.database.forTenant(tenantId, (tx) => this.repository.lock(tx, tenantId, uuid)));
    // Not within a transaction: DNS has its own time.
    const proven = (await this.records.txt(challengeName(asked.domain))).includes(challengeValue(asked.challenge));
    if (!proven) return toDomainResponse(asked);
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      if (await this.repository.verify(tx, tenantId, uuid)) record(tx, caller, 'domain.verify', uuid);
      return this.repository.lock(tx, tenantId, uuid);
    });
    return toDomainResponse(found(stored));
  }

  /**
   * Ends sign-in with a password for members of this domain, or lets it be again. Owners only. Throws 404, 403, 400 without an owner who may go
   * on with theirs, 409 for a domain that is not proven, or without a provider to sign in with.
   */
  async update(caller: Principal, id: string, { enforced, break_glass_user_id: given }: UpdateDomain) {
    const { tenantId } = caller;
    requireRank(caller, 'owner');
    const uuid = domainUuid(id);
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      const old = found(await this.repository.lock(tx, tenantId, uuid));
      const owner = given === undefined ? old.breakGlassUserId : given === null ? null : (uuidOf('user', given) ?? '');
      if (owner !== null && !(await this.members.owners(tx, tenantId)).includes(owner)) throw ssoErrors.noBreakGlass();
      if (enforced) {
        if (old.verifiedAt === null) throw ssoErrors.domainNotVerified();
        if (owner === null) throw ssoErrors.noBreakGlass();
        if ((await this.providers.offered(tx, tenantId)).length === 0) throw ssoErrors.nothingToSignInWith();
      }
      await this.repository.enforce(tx, tenantId, uuid, enforced, owner);
      record(tx, caller, 'domain.update', uuid, { enforced });
      return this.repository.lock(tx, tenantId, uuid);
    });
    return toDomainResponse(found(stored));
  }

  /** Lets go of a domain, and of what is enforced for it. Throws 404, and 403 for one that is enforced if the caller is no owner. */
  async delete(caller: Principal, id: string): Promise<void> {
    const { tenantId } = caller;
    const uuid = domainUuid(id);
    await this.database.forTenant(tenantId, async (tx) => {
      if (found(await this.repository.lock(tx, tenantId, uuid)).enforced) requireRank(caller, 'owner');
      await this.repository.delete(tx, tenantId, uuid);
      record(tx, caller, 'domain.delete', uuid);
    });
  }
}

function found(stored: DomainRow | undefined): DomainRow {
  if (stored === undefined) throw ssoErrors.domainNotFound();
  return stored;
}

function domainUuid(id: string): string {
  const uuid = uuidOf('domain', id);
  if (uuid === undefined) throw ssoErrors.domainNotFound();
  return uuid;
}

function record(tx: Transaction, caller: Principal, action: AuditAction, id: string, detail: AuditDetail = {}): void {
  auditTrail.record(tx, caller.tenantId, { actor: actorOf(caller), action, object: { kind: 'domain', id }, detail });
}
