import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';
import type { ProviderKind } from '../routing/target.ts';

/** A credential as stored, without its secret. */
export interface CredentialRow {
  id: string;
  name: string;
  kind: ProviderKind;
  baseUrl: string | null;
  apiVersion: string | null;
  hint: string;
  covered: boolean;
  version: number;
  checkResult: string;
  checkedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

/** What is written of a credential; `secret` is sealed. */
export interface CredentialDraft {
  id: string;
  name: string;
  kind: ProviderKind;
  baseUrl: string | null;
  apiVersion: string | null;
  secret: Buffer;
  hint: string;
  covered: boolean;
  checkResult: string;
}

/** A credential of the platform as operators see it. */
export type PlatformCredentialRow = Pick<
  CredentialRow,
  'id' | 'name' | 'kind' | 'baseUrl' | 'apiVersion' | 'covered' | 'version' | 'createdAt'
>;

const columns = `id, name, kind, base_url AS "baseUrl", api_version AS "apiVersion", hint, covered, version, check_result AS "checkResult",
  checked_at AS "checkedAt", created_at AS "createdAt", updated_at AS "updatedAt"`;

const platformColumns = 'id, name, kind, base_url AS "baseUrl", api_version AS "apiVersion", covered, version, created_at AS "createdAt"';

/** Credentials in Postgres. No method but the two that say so gives a secret. */
@Injectable()
export class CredentialsRepository {
  /** Inserts a credential unless the tenant has as many as it may; false then. Throws on a name that is taken. */
  async insert(tx: Transaction, tenantId: string, draft: CredentialDraft, limit: number): Promise<boolean> {
    const count = await changed(
      tx,
      `INSERT INTO model_credentials (tenant_id, id, name, kind, base_url, api_version, secret, hint, check_result, covered, checked_at)
       SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, CASE WHEN $9 = 'skipped' THEN NULL ELSE now() END
       WHERE (SELECT count(*) FROM model_credentials WHERE tenant_id = $1) < $11`,
      [...valuesOf(tenantId, draft), limit],
    );
    return count > 0;
  }

  async update(tx: Transaction, tenantId: string, draft: Omit<CredentialDraft, 'secret'> & { secret: Buffer | null }): Promise<boolean> {
    const count = await changed(
      tx,
      `UPDATE model_credentials SET name = $3, kind = $4, base_url = $5, api_version = $6, secret = coalesce($7::bytea, secret), hint = $8,
         covered = $10, check_result = $9, checked_at = CASE WHEN $7::bytea IS NULL THEN checked_at WHEN $9 = 'skipped' THEN NULL ELSE now() END,
         version = version + 1, updated_at = now()
       WHERE tenant_id = $1 AND id = $2`,
      valuesOf(tenantId, draft),
    );
    return count > 0;
  }

  byId(tx: Transaction, tenantId: string, id: string): Promise<CredentialRow | undefined> {
    return row<CredentialRow>(tx, `SELECT ${columns} FROM model_credentials WHERE tenant_id = $1 AND id = $2`, [tenantId, id]);
  }

  /** Newest first, after the credential `after`. */
  page(tx: Transaction, tenantId: string, limit: number, after: string | undefined): Promise<CredentialRow[]> {
    return rows<CredentialRow>(
      tx,
      `SELECT ${columns} FROM model_credentials WHERE tenant_id = $1 AND ($3::uuid IS NULL OR id < $3::uuid) ORDER BY id DESC LIMIT $2`,
      [tenantId, limit, after ?? null],
    );
  }

  async delete(tx: Transaction, tenantId: string, id: string): Promise<boolean> {
    return (await changed(tx, 'DELETE FROM model_credentials WHERE tenant_id = $1 AND id = $2', [tenantId, id])) > 0;
  }

  /** The sealed secret of a tenant's credential. */
  async secret(tx: Transaction, tenantId: string, id: string): Promise<Buffer | undefined> {
    return (await row<{ secret: Buffer }>(tx, 'SELECT secret FROM model_credentials WHERE tenant_id = $1 AND id = $2', [tenantId, id]))
      ?.secret;
  }

  /** The sealed secret of one of the platform's credentials. */
  async platformSecret(tx: Transaction, id: string): Promise<Buffer | undefined> {
    return (await row<{ secret: Buffer }>(tx, 'SELECT secret FROM platform_model_credentials WHERE id = $1', [id]))?.secret;
  }

  platformAll(tx: Transaction): Promise<PlatformCredentialRow[]> {
    return rows<PlatformCredentialRow>(tx, `SELECT ${platformColumns} FROM platform_model_credentials ORDER BY name`);
  }

  platformByName(tx: Transaction, name: string): Promise<PlatformCredentialRow | undefined> {
    return row<PlatformCredentialRow>(tx, `SELECT ${platformColumns} FROM platform_model_credentials WHERE name = $1`, [name]);
  }

  /** Adds a credential of the platform, or puts this in place of the one with its id. */
  async putForPlatform(tx: Transaction, draft: Omit<CredentialDraft, 'hint' | 'checkResult'>): Promise<void> {
    await changed(
      tx,
      `INSERT INTO platform_model_credentials (id, name, kind, base_url, api_version, secret, covered) VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (id) DO UPDATE SET kind = $3, base_url = $4, api_version = $5, secret = $6, covered = $7,
         version = platform_model_credentials.version + 1, updated_at = now()`,
      [draft.id, draft.name, draft.kind, draft.baseUrl, draft.apiVersion, draft.secret, draft.covered],
    );
  }

  async deleteForPlatform(tx: Transaction, name: string): Promise<boolean> {
    return (await changed(tx, 'DELETE FROM platform_model_credentials WHERE name = $1', [name])) > 0;
  }
}

function valuesOf(tenantId: string, draft: Omit<CredentialDraft, 'secret'> & { secret: Buffer | null }): unknown[] {
  const { id, name, kind, baseUrl, apiVersion, secret, hint, checkResult, covered } = draft;
  return [tenantId, id, name, kind, baseUrl, apiVersion, secret, hint, checkResult, covered];
}
