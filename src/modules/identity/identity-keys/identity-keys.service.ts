import { Injectable } from '@nestjs/common';
import { importJWK } from 'jose';
import { newSecret, newUuid, publicId, uuidOf } from '../../../kernel/ids.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { actorOf, type AuditAction, type AuditDetail, auditTrail } from '../../../platform/audit/index.ts';
import { defineSealedTable, KeyRing, type Place, seal } from '../../../platform/crypto/index.ts';
import { TenantDatabase, type Transaction } from '../../../platform/database/index.ts';
import { type PageQuery, toPage } from '../../../platform/http/index.ts';
import { CredentialChanges } from '../access/credential-changes.ts';
import { requireHeld } from '../api-keys/scopes.ts';
import { identityErrors } from '../identity.errors.ts';
import { IdentityKeysRepository } from './identity-keys.repository.ts';
import { type CreateIdentityKey, toIdentityKeyResponse } from './identity-keys.schemas.ts';

/** Keys that a tenant may have at a time: enough to rotate on several servers, and no store for rubbish. */
const maxKeys = 20;
/** How every secret begins, so that scanners know one where it has leaked. */
const secretPrefix = 'idsk_';

/** Keys with which a tenant's server signs who a visitor is. Several count at a time, so that they can be rotated without a gap. */
@Injectable()
export class IdentityKeys {
  constructor(
    private readonly database: TenantDatabase,
    private readonly repository: IdentityKeysRepository,
    private readonly keyRing: KeyRing,
    private readonly changes: CredentialChanges,
  ) {}

  /**
   * Makes an HS256 secret, which the answer holds once, or takes an ES256 public key. Throws 400 for a point that is not on the curve, 403 when the
   * caller could not vouch for visitors themselves, 409 when there are twenty.
   */
  async create(caller: Principal, body: CreateIdentityKey) {
    const { tenantId } = caller;
    // Who has the key speaks for every visitor, as a key that may ask for tickets does.
    requireHeld(caller.permissions, new Set(['chat.ticket']));
    const id = newUuid();
    const secret = body.public_key === undefined ? secretPrefix + newSecret(32) : null;
    const material = secret ?? (await checkedJwk(body.public_key));
    const sealed = seal(await this.keyRing.tenantKey(tenantId), materialPlace(tenantId, id), material);
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      if ((await this.repository.countLocked(tx, tenantId)) >= maxKeys) throw identityErrors.tooManyIdentityKeys(maxKeys);
      record(tx, caller, 'identity_key.create', id, { algorithm: body.algorithm });
      return this.repository.insert(tx, tenantId, { id, name: body.name, algorithm: body.algorithm, material: sealed });
    });
    return { ...toIdentityKeyResponse(stored), secret };
  }

  /** One page of the tenant's keys, newest first. */
  async list({ tenantId }: Principal, query: PageQuery) {
    const after = query.after === undefined ? undefined : uuidOf('identityKey', query.after);
    if (query.after !== undefined && after === undefined) throw identityErrors.unknownIdentityKeyCursor();
    const found = await this.database.forTenant(tenantId, (tx) => this.repository.page(tx, tenantId, query.limit + 1, after));
    return toPage(found, query.limit, toIdentityKeyResponse);
  }

  /** Ends a key for good; sockets of visitors for whom it vouched close within seconds. Throws 404. */
  async revoke(caller: Principal, id: string): Promise<void> {
    const { tenantId } = caller;
    const uuid = uuidOf('identityKey', id);
    if (uuid === undefined) throw identityErrors.identityKeyNotFound();
    await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.repository.revoke(tx, tenantId, uuid))) throw identityErrors.identityKeyNotFound();
      record(tx, caller, 'identity_key.revoke', uuid);
    });
    this.changes.announce(tenantId);
  }
}

defineSealedTable({ table: 'identity_keys', columns: ['material'] });

/** Where a key's secret or public JWK is stored. */
export function materialPlace(tenantId: string, rowId: string): Place {
  return { tenantId, table: 'identity_keys', column: 'material', rowId };
}

async function checkedJwk(jwk: CreateIdentityKey['public_key']): Promise<string> {
  const { kty, crv, x, y } = jwk ?? {};
  const bare = { kty, crv, x, y } as { kty: string; crv: string; x: string; y: string };
  await importJWK(bare, 'ES256').catch(() => {
    throw identityErrors.notAKey();
  });
  return JSON.stringify(bare);
}

function record(tx: Transaction, caller: Principal, action: AuditAction, id: string, detail: AuditDetail = {}): void {
  const object = { kind: 'key', id: publicId('identityKey', id) } as const;
  auditTrail.record(tx, caller.tenantId, { actor: actorOf(caller), action, object, detail });
}
