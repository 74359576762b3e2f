import { createHash } from 'node:crypto';
import { publicId } from '../../kernel/ids.ts';

/** The encoding that new rows are hashed by. */
export const auditVersion = 1;

/** Everything of a row that its hash covers, besides its place. Names and order are those of the API. */
export interface AuditFacts {
  version: number;
  /** Public id. */
  tenant: string;
  /** ISO 8601, UTC, milliseconds. */
  at: string;
  actor: { kind: string; id: string | null };
  action: string;
  target: { kind: string; id: string } | null;
  outcome: string;
  origin: { network: string; address_hash: string; request_id: string | null } | null;
  detail: Record<string, unknown> | null;
}

/** What the first row of a tenant's chain follows: a hash that no other tenant's chain begins with. `tenantId` is a UUID. */
export function genesisHash(tenantId: string): Buffer {
  return sha256(Buffer.from(`parley-audit-${auditVersion}\n${publicId('tenant', tenantId)}`));
}

/** The digest of what a row says. */
export function factsDigest(facts: AuditFacts): Buffer {
  return sha256(Buffer.from(canonical(facts)));
}

/** The hash of row `seq`: SHA-256 over the hash of the row before, the number (8 bytes, big endian) and the digest of what the row says. */
export function rowHash(before: Buffer, seq: number, digest: Buffer): Buffer {
  const place = Buffer.alloc(8);
  place.writeBigInt64BE(BigInt(seq));
  return sha256(Buffer.concat([before, place, digest]));
}

/**
 * JSON with the names of every object in order of their code units and without spaces, as in RFC 8785: the same bytes before a row goes
 * into the database and after it came out.
 */
export function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const object = value as Record<string, unknown>;
  let parts = '';
  for (const name of Object.keys(object).sort()) parts += `${parts === '' ? '' : ','}${JSON.stringify(name)}:${canonical(object[name])}`;
  return `{${parts}}`;
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
