import { Injectable } from '@nestjs/common';
import { changed, row, type Transaction } from '../../../../platform/database/index.ts';

/** What a SAML provider has besides what every provider has. */
export interface SamlRow {
  /** Where requests go. */
  entryPoint: string;
  /** PEM; any of them may sign, so that they can be rotated. */
  certificates: string[];
  /** Ours, PEM. */
  ownCertificate: string;
  /** Whether it may send somebody for whom nobody asked. */
  idpInitiated: boolean;
}

/** SAML providers of tenants, and assertions that were used, in Postgres. */
@Injectable()
export class SamlRepository {
  async insert(tx: Transaction, tenantId: string, providerId: string, saml: SamlRow): Promise<void> {
    await changed(
      tx,
      `INSERT INTO saml_providers (tenant_id, provider_id, entry_point, certificates, own_certificate, idp_initiated)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [tenantId, providerId, saml.entryPoint, saml.certificates, saml.ownCertificate, saml.idpInitiated],
    );
  }

  byId(tx: Transaction, tenantId: string, providerId: string): Promise<SamlRow | undefined> {
    return row<SamlRow>(
      tx,
      `SELECT entry_point AS "entryPoint", certificates, own_certificate AS "ownCertificate", idp_initiated AS "idpInitiated"
         FROM saml_providers WHERE tenant_id = $1 AND provider_id = $2`,
      [tenantId, providerId],
    );
  }

  /** Changes what is given; false where the provider does not speak SAML. */
  async update(tx: Transaction, tenantId: string, providerId: string, saml: Partial<SamlRow>): Promise<boolean> {
    const count = await changed(
      tx,
      `UPDATE saml_providers SET entry_point = coalesce($3, entry_point), certificates = coalesce($4, certificates),
              idp_initiated = coalesce($5, idp_initiated)
        WHERE tenant_id = $1 AND provider_id = $2`,
      [tenantId, providerId, saml.entryPoint ?? null, saml.certificates ?? null, saml.idpInitiated ?? null],
    );
    return count > 0;
  }

  /** Notes that an assertion was used, for so many seconds; false when it was before. */
  async useAssertion(
    tx: Transaction,
    tenantId: string,
    used: { id: string; providerId: string; hash: Buffer; seconds: number },
  ): Promise<boolean> {
    const count = await changed(
      tx,
      `INSERT INTO used_assertions (tenant_id, id, provider_id, assertion_hash, expires_at)
       VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5)) ON CONFLICT (tenant_id, provider_id, assertion_hash) DO NOTHING`,
      [tenantId, used.id, used.providerId, used.hash, used.seconds],
    );
    return count > 0;
  }
}
