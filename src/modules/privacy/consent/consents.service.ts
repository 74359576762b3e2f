import { Injectable } from '@nestjs/common';
import { newUuid, publicId, uuidOf } from '../../../kernel/ids.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../platform/audit/index.ts';
import { CannotDecrypt, defineSealedTable, KeyRing, type Place, seal } from '../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { Visitors } from '../../identity/index.ts';
import { TenantPrivacy } from '../mode/tenant-privacy.ts';
import { privacyErrors } from '../privacy.errors.ts';
import { type ConsentPurpose, consentPurposes, type PutConsent } from './consent.schemas.ts';
import { ConsentsRepository } from './consents.repository.ts';

defineSealedTable({ table: 'visitor_consents', columns: ['evidence'] });

/** What visitors have consented to. What was said before stands in the audit trail, without its evidence. */
@Injectable()
export class Consents {
  constructor(
    private readonly database: TenantDatabase,
    private readonly consents: ConsentsRepository,
    private readonly visitors: Visitors,
    private readonly keyRing: KeyRing,
    private readonly privacy: TenantPrivacy,
  ) {}

  /** Whether a visitor's data may be used for a purpose. UUIDs. No, unless they have said yes and not taken it back. */
  allows(tenantId: string, visitorId: string, purpose: ConsentPurpose): Promise<boolean> {
    return this.database.forTenant(tenantId, (tx) => this.consents.given(tx, tenantId, visitorId, purpose));
  }

  /** What a visitor has said to each purpose; in strict privacy mode audited as a read. Throws 404. */
  async get(caller: Principal, id: string) {
    const { tenantId } = caller;
    const visitorId = await this.existing(tenantId, id);
    const audited = await this.privacy.isStrict(tenantId);
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      const found = await this.consents.of(tx, tenantId, visitorId);
      const object = { kind: 'visitor', id: visitorId } as const;
      if (audited) auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'visitor.read', object });
      return found;
    });
    const purposes = await Promise.all(
      consentPurposes.map(async (purpose) => {
        const said = stored.find((each) => each.purpose === purpose);
        if (said === undefined) return { purpose, given: false, source: null, evidence: null, decided_at: null };
        const evidence = await this.opened(placeOf(tenantId, said.id), said.evidence);
        return { purpose, given: said.given, source: said.source, evidence, decided_at: said.decidedAt.toISOString() };
      }),
    );
    return { object: 'consent' as const, visitor_id: publicId('visitor', visitorId), purposes };
  }

  /** Notes what a visitor says to some purposes. Throws 404. */
  async put(caller: Principal, id: string, body: PutConsent) {
    const { tenantId } = caller;
    const visitorId = await this.existing(tenantId, id);
    const { source, evidence } = body;
    const key = evidence === undefined ? undefined : await this.keyRing.visitorKey(tenantId, visitorId);
    const said = consentPurposes.flatMap((purpose) => {
      const given = body.purposes[purpose];
      if (given === undefined) return [];
      const rowId = newUuid();
      const sealed = key === undefined || evidence === undefined ? null : seal(key, placeOf(tenantId, rowId), evidence);
      return [{ id: rowId, purpose, given, source, evidence: sealed }];
    });
    await this.database.forTenant(tenantId, async (tx) => {
      for (const consent of said) await this.consents.put(tx, tenantId, visitorId, consent);
      if (said.length === 0) return;
      const object = { kind: 'visitor', id: visitorId } as const;
      const detail = { ...Object.fromEntries(said.map(({ purpose, given }) => [purpose, given])), source };
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'consent.update', object, detail });
    });
    return this.get(caller, id);
  }

  private async existing(tenantId: string, id: string): Promise<string> {
    const uuid = uuidOf('visitor', id);
    if (uuid === undefined || !(await this.visitors.exists(tenantId, uuid))) throw privacyErrors.visitorNotFound();
    return uuid;
  }

  /** Null as well once the visitor's key is erased. */
  private async opened(place: Place, sealed: Buffer | null): Promise<string | null> {
    if (sealed === null) return null;
    try {
      return (await this.keyRing.open(place, sealed)).toString();
    } catch (error) {
      if (error instanceof CannotDecrypt) return null;
      throw error;
    }
  }
}

function placeOf(tenantId: string, rowId: string): Place {
  return { tenantId, table: 'visitor_consents', column: 'evidence', rowId };
}
