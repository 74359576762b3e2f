import { changed, row, rows, type Transaction } from '../../database/index.ts';
import { uuidToBytes } from '../envelope.ts';
import { keyColumns, type KeyKind, type KeyState, noteChange, type WrappedKey } from '../keystore.ts';

const lowest = '00000000-0000-0000-0000-000000000000';

/** A page of the tenants that have keys, in order. */
export async function holdersAfter(tx: Transaction, after: string | undefined, limit: number): Promise<string[]> {
  const found = await rows<{ id: string }>(
    tx,
    'SELECT tenant_id AS id FROM key_holders WHERE $1::uuid IS NULL OR tenant_id > $1::uuid ORDER BY tenant_id LIMIT $2',
    [after ?? null, limit],
  );
  return found.map(({ id }) => id);
}

/** A page of a tenant's keys of one kind, in the order of their ids. */
export function keysAfter(
  tx: Transaction,
  tenantId: string,
  kind: KeyKind,
  after: string | undefined,
  limit: number,
): Promise<WrappedKey[]> {
  return rows<WrappedKey>(
    tx,
    `SELECT ${keyColumns} FROM wrapped_keys WHERE tenant_id = $1 AND kind = $2 AND id > $3 ORDER BY id LIMIT $4`,
    [tenantId, kind, after ?? lowest, limit],
  );
}

/** A page of a tenant's visitor keys that another key than `wrappedBy` wraps. */
export function keysToRewrap(
  tx: Transaction,
  tenantId: string,
  wrappedBy: string,
  after: string | undefined,
  limit: number,
): Promise<WrappedKey[]> {
  return rows<WrappedKey>(
    tx,
    `SELECT ${keyColumns} FROM wrapped_keys
     WHERE tenant_id = $1 AND kind = 'visitor' AND substring(wrapped FROM 2 FOR 16) <> $2 AND id > $3 ORDER BY id LIMIT $4`,
    [tenantId, uuidToBytes(wrappedBy), after ?? lowest, limit],
  );
}

/** A page of current visitor keys that were made before `before`. */
export function currentKeysBefore(
  tx: Transaction,
  tenantId: string,
  before: Date,
  after: string | undefined,
  limit: number,
): Promise<WrappedKey[]> {
  return rows<WrappedKey>(
    tx,
    `SELECT ${keyColumns} FROM wrapped_keys
     WHERE tenant_id = $1 AND kind = 'visitor' AND state = 'current' AND created_at < $2 AND id > $3 ORDER BY id LIMIT $4`,
    [tenantId, before, after ?? lowest, limit],
  );
}

/** Puts another wrapping of the same key in the place of the one that was read. Gives whether it was still there. */
export async function rewrap(tx: Transaction, tenantId: string, id: string, before: Buffer, after: Buffer): Promise<boolean> {
  const sql = 'UPDATE wrapped_keys SET wrapped = $4 WHERE tenant_id = $1 AND id = $2 AND wrapped = $3';
  return (await changed(tx, sql, [tenantId, id, before, after])) > 0;
}

/**
 * Makes `next` the current version of a subject's key, and what was current an old one. `wrappedBy` is the tenant's key that wraps it;
 * nothing is changed, and false comes back, when that may not be used any more or another version is current by now.
 */
export async function supersede(
  tx: Transaction,
  tenantId: string,
  current: Pick<WrappedKey, 'id' | 'kind' | 'subjectId'>,
  next: { id: string; wrapped: Buffer; wrappedBy: string | undefined },
): Promise<boolean> {
  const added = await changed(
    tx,
    `WITH superseded AS (
       UPDATE wrapped_keys SET state = 'old', superseded_at = now()
       WHERE tenant_id = $1 AND id = $2 AND state = 'current' AND ($6::uuid IS NULL OR EXISTS
         (SELECT 1 FROM wrapped_keys w WHERE w.tenant_id = $1 AND w.id = $6::uuid AND w.state <> 'retired'))
       RETURNING version)
     INSERT INTO wrapped_keys (tenant_id, id, kind, subject_id, version, wrapped)
     SELECT $1::uuid, $3::uuid, $4, $5::uuid, version + 1, $7::bytea FROM superseded`,
    [tenantId, current.id, next.id, current.kind, current.subjectId, next.wrappedBy ?? null, next.wrapped],
  );
  return added > 0;
}

/** The states of a tenant's keys among `ids`, with whose they are; what is not there is left out. */
export function statesOf(
  tx: Transaction,
  tenantId: string,
  ids: string[],
): Promise<{ id: string; kind: KeyKind; subjectId: string; state: KeyState }[]> {
  return rows(tx, `SELECT id, kind, subject_id AS "subjectId", state FROM wrapped_keys WHERE tenant_id = $1 AND id = ANY($2::uuid[])`, [
    tenantId,
    ids,
  ]);
}

/** A version that may be retired. */
export interface OldVersion {
  id: string;
  kind: KeyKind;
  subjectId: string;
}

/** Versions of a tenant and its visitors that were superseded more than `settledMs` ago, and wrap nothing. */
export function settledVersions(tx: Transaction, tenantId: string, settledMs: number): Promise<OldVersion[]> {
  return rows<OldVersion>(
    tx,
    `SELECT id, kind, subject_id AS "subjectId" FROM wrapped_keys k
     WHERE tenant_id = $1 AND state = 'old' AND superseded_at < now() - make_interval(secs => $2)
       AND (kind = 'visitor' OR NOT EXISTS (SELECT 1 FROM wrapped_keys w WHERE w.tenant_id = $1 AND w.kind = 'visitor' AND w.state <> 'retired'
            AND substring(w.wrapped FROM 2 FOR 16) = decode(replace(k.id::text, '-', ''), 'hex')))`,
    [tenantId, settledMs / 1000],
  );
}

/** Retires old versions: from now on they open nothing. Gives those that were old. */
export async function retireVersions(tx: Transaction, tenantId: string, ids: string[]): Promise<OldVersion[]> {
  const retired = await rows<OldVersion>(
    tx,
    `UPDATE wrapped_keys SET state = 'retired' WHERE tenant_id = $1 AND id = ANY($2::uuid[]) AND state = 'old'
     RETURNING id, kind, subject_id AS "subjectId"`,
    [tenantId, ids],
  );
  if (retired.length > 0) await noteChange(tx, { tenantId, subjectId: null });
  return retired;
}

/** How many keys of a tenant there are, by kind, state and the id of what wraps them. */
export function countKeys(
  tx: Transaction,
  tenantId: string,
): Promise<{ kind: KeyKind; state: KeyState; wrappedBy: Buffer; keys: number }[]> {
  return rows(
    tx,
    `SELECT kind, state, substring(wrapped FROM 2 FOR 16) AS "wrappedBy", count(*)::int AS keys FROM wrapped_keys WHERE tenant_id = $1
     GROUP BY 1, 2, 3`,
    [tenantId],
  );
}

/** The secrets that stand directly under the master key, besides tenants' keys: signing keys, and the root of keyed hashes. */
export async function mastersOwn(tx: Transaction): Promise<{ table: 'signing_keys' | 'master_secrets'; name: string; wrapped: Buffer }[]> {
  return rows(
    tx,
    `SELECT 'signing_keys' AS table, kid AS name, wrapped_private_key AS wrapped FROM signing_keys
     UNION ALL SELECT 'master_secrets', name, wrapped FROM master_secrets ORDER BY 1, 2`,
  );
}

/** As `rewrap`, for one of those. */
export async function rewrapMastersOwn(
  tx: Transaction,
  table: 'signing_keys' | 'master_secrets',
  name: string,
  before: Buffer,
  after: Buffer,
): Promise<boolean> {
  const sql =
    table === 'signing_keys'
      ? 'UPDATE signing_keys SET wrapped_private_key = $3 WHERE kid = $1 AND wrapped_private_key = $2'
      : 'UPDATE master_secrets SET wrapped = $3 WHERE name = $1 AND wrapped = $2';
  return (await changed(tx, sql, [name, before, after])) > 0;
}

/** When the keystore says it is. */
export async function keystoreTime(tx: Transaction): Promise<Date> {
  const found = await row<{ now: Date }>(tx, 'SELECT now() AS now');
  if (found === undefined) throw new Error('the keystore does not say what time it is');
  return found.now;
}
