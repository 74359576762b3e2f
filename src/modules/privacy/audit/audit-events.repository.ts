import { Injectable } from '@nestjs/common';
import { publicId } from '../../../kernel/ids.ts';
import { type AuditFacts, genesisHash } from '../../../platform/audit/index.ts';
import { row, rows, type Transaction } from '../../../platform/database/index.ts';

/** A row of the trail, with its place in the chain. */
export interface AuditRow {
  seq: number;
  /** Hash of the row before. */
  previous: Buffer;
  hash: Buffer;
  facts: AuditFacts;
}

/** A place in a chain: everything up to row `seq` leads to `hash`. */
export interface ChainPlace {
  seq: number;
  hash: Buffer;
}

/** Which rows are wanted. Ids are public ones. */
export interface AuditFilter {
  action?: string | undefined;
  actor?: string | undefined;
  target?: string | undefined;
  outcome?: string | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
}

interface StoredRow {
  seq: string;
  version: number;
  at: Date;
  actorKind: string;
  actorId: string | null;
  action: string;
  objectKind: string | null;
  objectId: string | null;
  outcome: string;
  network: string | null;
  addressHash: Buffer | null;
  requestId: string | null;
  detail: Record<string, unknown> | null;
  previous: Buffer;
  hash: Buffer;
}

const columns = `seq, version, at, actor_kind AS "actorKind", actor_id AS "actorId", action, object_kind AS "objectKind", object_id AS "objectId",
  outcome, network, address_hash AS "addressHash", request_id AS "requestId", detail, previous_hash AS previous, row_hash AS hash`;

/** The audit trail as it is read. Nobody writes it but `auditTrail.record`. */
@Injectable()
export class AuditEventsRepository {
  /** Newest first, those before row `before`. */
  async page(tx: Transaction, tenantId: string, filter: AuditFilter, limit: number, before: number | undefined): Promise<AuditRow[]> {
    const { action, actor, target, outcome, from, to } = filter;
    const found = await rows<StoredRow>(
      tx,
      `SELECT ${columns} FROM audit_events WHERE tenant_id = $1 AND ($3::bigint IS NULL OR seq < $3::bigint)
         AND ($4::text IS NULL OR action = $4) AND ($5::text IS NULL OR actor_id = $5) AND ($6::text IS NULL OR object_id = $6)
         AND ($7::text IS NULL OR outcome = $7) AND ($8::timestamptz IS NULL OR at >= $8) AND ($9::timestamptz IS NULL OR at < $9)
       ORDER BY seq DESC LIMIT $2`,
      [tenantId, limit, before ?? null, action ?? null, actor ?? null, target ?? null, outcome ?? null, from ?? null, to ?? null],
    );
    return found.map((stored) => toRow(tenantId, stored));
  }

  /** In the order of the chain: those after row `after` up to row `last`, at most `limit`. */
  async stretch(tx: Transaction, tenantId: string, after: number, last: number, limit: number): Promise<AuditRow[]> {
    const found = await rows<StoredRow>(
      tx,
      `SELECT ${columns} FROM audit_events WHERE tenant_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4`,
      [tenantId, after, last, limit],
    );
    return found.map((stored) => toRow(tenantId, stored));
  }

  /** Where the chain ends. */
  async head(tx: Transaction, tenantId: string): Promise<ChainPlace> {
    const sql = 'SELECT seq, head_hash AS hash FROM audit_heads WHERE tenant_id = $1';
    return (await place(tx, sql, [tenantId])) ?? { seq: 0, hash: genesisHash(tenantId) };
  }

  /** Where what is kept of the chain begins: at its very beginning, or at the last row that was pruned. */
  async start(tx: Transaction, tenantId: string): Promise<ChainPlace> {
    const sql = 'SELECT seq, checkpoint_hash AS hash FROM audit_checkpoints WHERE tenant_id = $1';
    return (await place(tx, sql, [tenantId])) ?? { seq: 0, hash: genesisHash(tenantId) };
  }

  /** The place of a row that is kept; undefined for any other. */
  at(tx: Transaction, tenantId: string, seq: number): Promise<ChainPlace | undefined> {
    return place(tx, 'SELECT seq, row_hash AS hash FROM audit_events WHERE tenant_id = $1 AND seq = $2', [tenantId, seq]);
  }
}

async function place(tx: Transaction, sql: string, values: unknown[]): Promise<ChainPlace | undefined> {
  const found = await row<{ seq: string; hash: Buffer }>(tx, sql, values);
  return found === undefined ? undefined : { seq: Number(found.seq), hash: found.hash };
}

function toRow(tenantId: string, stored: StoredRow): AuditRow {
  const {
    seq,
    version,
    at,
    actorKind,
    actorId,
    action,
    objectKind,
    objectId,
    outcome,
    network,
    addressHash,
    requestId,
    detail,
    previous,
    hash,
  } = stored;
  const facts: AuditFacts = {
    version,
    tenant: publicId('tenant', tenantId),
    at: at.toISOString(),
    actor: { kind: actorKind, id: actorId },
    action,
    target: objectKind === null || objectId === null ? null : { kind: objectKind, id: objectId },
    outcome,
    origin: network === null ? null : { network, address_hash: addressHash?.toString('hex') ?? '', request_id: requestId },
    detail,
  };
  return { seq: Number(seq), previous, hash, facts };
}
