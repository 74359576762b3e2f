import { timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { publicId, uuidOf } from '../../../kernel/ids.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../platform/audit/index.ts';
import { KeyedHash, Keystore } from '../../../platform/crypto/index.ts';
import { changed, TenantDatabase } from '../../../platform/database/index.ts';
import { Outbox } from '../../../platform/events/index.ts';
import { type HttpConfig, httpConfig, publicUrlOf } from '../../../platform/http/index.ts';
import { CredentialChanges } from '../../identity/index.ts';
import { legalHold, legalHolds } from '../holds/legal-holds.ts';
import { privacyErrors } from '../privacy.errors.ts';
import { tenantDeletionRequested } from './erasures.events.ts';
import type { DeleteTenant } from './tenant-deletion.schemas.ts';

/** Wishes to end a tenant: taken down, and shown to whoever asked when there is nobody left who could sign in. */
@Injectable()
export class TenantDeletions {
  constructor(
    private readonly database: TenantDatabase,
    private readonly outbox: Outbox,
    private readonly keystore: Keystore,
    private readonly hash: KeyedHash,
    private readonly credentials: CredentialChanges,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
  ) {}

  /**
   * Shuts the tenant at once (every credential of it is refused within five seconds, here right away) and has a job delete it. Throws 400
   * without the tenant's id, 409 `legal_hold`.
   */
  async request(caller: Principal, { confirm }: DeleteTenant) {
    const { tenantId } = caller;
    if (confirm !== publicId('tenant', tenantId)) throw privacyErrors.wrongConfirmation();
    await this.database.forTenant(tenantId, async (tx) => {
      const shut = await changed(tx, `UPDATE tenants SET status = 'deleting' WHERE tenant_id = $1 AND status <> 'deleting'`, [tenantId]);
      if (await legalHolds.any(tx, tenantId)) throw legalHold();
      if (shut === 0) return;
      await this.outbox.publish(tx, tenantDeletionRequested, { tenantId });
      const object = { kind: 'tenant', id: tenantId } as const;
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'tenant.delete', object, detail: { stage: 'requested' } });
    });
    this.credentials.announce(tenantId);
    return this.present(tenantId, undefined);
  }

  /** How far it is. Throws 404 for anything but the link that was given out. */
  async get(id: string, token: string) {
    const tenantId = uuidOf('tenant', id);
    const given = Buffer.from(token, 'base64url');
    const known = this.tokenOf(tenantId ?? '');
    if (tenantId === undefined || given.length !== known.length || !timingSafeEqual(given, known)) throw privacyErrors.deletionNotFound();
    return this.present(tenantId, await this.keystore.receiptOf(tenantId));
  }

  private present(tenantId: string, receipt: string | undefined) {
    const id = publicId('tenant', tenantId);
    const token = this.tokenOf(tenantId).toString('base64url');
    return {
      object: 'tenant_deletion' as const,
      tenant_id: id,
      state: receipt === undefined ? ('running' as const) : ('done' as const),
      receipt: receipt ?? null,
      status_url: `${publicUrlOf(this.http)}/v1/privacy/tenant-deletions/${id}?receipt_token=${token}`,
    };
  }

  /** Needs no row: it must outlive all of them. */
  private tokenOf(tenantId: string): Buffer {
    return this.hash.of('tenant-deletion', tenantId);
  }
}
