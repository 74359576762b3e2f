import { currentDate } from '../../kernel/clock.ts';
import { publicId, uuidOf } from '../../kernel/ids.ts';
import type { Statement, Transaction } from '../database/index.ts';
import { requestContext } from '../telemetry/index.ts';
import { type AuditFacts, auditVersion, factsDigest, genesisHash } from './audit-chain.ts';
import { actorId, type AuditEntry, contentFree, objectId } from './audit-entry.ts';

/** Entries of one transaction at most: an act says how many rows it touched, not which. */
const maxEntries = 1_000;

/** What one transaction is to leave in the trail. */
interface Gathered {
  tenantId: string;
  facts: AuditFacts[];
}

const gatheredBy = new WeakMap<Transaction, Gathered>();

/** The record of who did what. Entries are there if, and only if, the transaction that they describe commits. */
export const auditTrail = {
  /**
   * Adds an entry to the chain of `tenantId` (a UUID), whose transaction `tx` is; where the request came from is added by itself. It goes
   * to Postgres together with COMMIT. Throws for content, and when the transaction has ended.
   */
  record(tx: Transaction, tenantId: string, entry: AuditEntry): void {
    const facts = factsOf(tenantId, entry);
    const known = gatheredBy.get(tx);
    if (known === undefined) {
      const gathered = { tenantId, facts: [facts] };
      tx.beforeCommit(() => appending(gathered));
      gatheredBy.set(tx, gathered);
      return;
    }
    if (tx.hasEnded) throw new Error('the transaction has ended');
    if (known.tenantId !== tenantId) throw new Error('a transaction is one tenant’s');
    if (known.facts.length >= maxEntries) throw new Error(`more than ${maxEntries} audit entries in one transaction`);
    known.facts.push(facts);
  },
};

function factsOf(tenantId: string, { actor, action, object, outcome = 'done', detail }: AuditEntry): AuditFacts {
  const context = requestContext.getStore();
  const origin = context?.origin?.();
  return {
    version: auditVersion,
    tenant: publicId('tenant', tenantId),
    at: currentDate().toISOString(),
    actor: { kind: actor.kind, id: actorId(actor) },
    action,
    target: object === undefined ? null : { kind: object.kind, id: objectId(object) },
    outcome,
    origin:
      context === undefined || origin === undefined
        ? null
        : {
            network: origin.network,
            address_hash: origin.addressHash(tenantId).toString('hex'),
            // A caller's own request id may say anything: only ours are kept.
            request_id: uuidOf('request', context.request_id) === undefined ? null : context.request_id,
          },
    detail: detail === undefined ? null : contentFree(detail),
  };
}

/**
 * The head is locked first, so that each of the next statements sees what the transaction before has committed. The hashes are
 * made where the head is known, without a round trip in between.
 */
function appending({ tenantId, facts }: Gathered): Statement[] {
  const rows = facts.map((fact, at) => ({
    n: at + 1,
    at: fact.at,
    actor_kind: fact.actor.kind,
    actor_id: fact.actor.id,
    action: fact.action,
    object_kind: fact.target?.kind,
    object_id: fact.target?.id,
    outcome: fact.outcome,
    network: fact.origin?.network,
    address_hash: fact.origin?.address_hash,
    request_id: fact.origin?.request_id,
    detail: fact.detail,
    digest: factsDigest(fact).toString('hex'),
  }));
  return [
    { sql: lockChain, values: [tenantId] },
    { sql: makeHead, values: [tenantId, genesisHash(tenantId)] },
    { sql: insertRows, values: [tenantId, auditVersion, JSON.stringify(rows)] },
    { sql: moveHead, values: [tenantId, rows.length] },
  ];
}

/** By name and not by the row of the head: waiting for a row that everybody changes costs Postgres several times as much. */
const lockChain = `SELECT pg_advisory_xact_lock(hashtextextended('audit ' || $1::text, 0))`;

const makeHead = 'INSERT INTO audit_heads (tenant_id, seq, head_hash) VALUES ($1, 0, $2) ON CONFLICT (tenant_id) DO NOTHING';

const insertRows = `INSERT INTO audit_events (tenant_id, seq, version, at, actor_kind, actor_id, action, object_kind, object_id, outcome,
    network, address_hash, request_id, detail, previous_hash, row_hash)
  WITH RECURSIVE given AS (
    SELECT * FROM jsonb_to_recordset($3::jsonb) AS g(n bigint, at timestamptz, actor_kind text, actor_id text, action text, object_kind text,
      object_id text, outcome text, network text, address_hash text, request_id text, detail jsonb, digest text)
  ), chain AS (
    SELECT 0::bigint AS n, seq, NULL::bytea AS previous, head_hash AS hash FROM audit_heads WHERE tenant_id = $1
    UNION ALL
    SELECT g.n, c.seq + 1, c.hash, sha256(c.hash || int8send(c.seq + 1) || decode(g.digest, 'hex')) FROM chain c JOIN given g ON g.n = c.n + 1
  )
  SELECT $1, c.seq, $2, g.at, g.actor_kind, g.actor_id, g.action, g.object_kind, g.object_id, g.outcome, g.network,
    decode(g.address_hash, 'hex'), g.request_id, g.detail, c.previous, c.hash
  FROM chain c JOIN given g ON g.n = c.n`;

const moveHead = `UPDATE audit_heads h SET seq = e.seq, head_hash = e.row_hash FROM audit_events e
  WHERE h.tenant_id = $1 AND e.tenant_id = $1 AND e.seq = h.seq + $2`;
