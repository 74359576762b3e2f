import { z } from 'zod';
import { type AuditFacts, canonical } from '../../../platform/audit/index.ts';
import { auditFacts } from './audit.schemas.ts';

/*
 * An export is NDJSON: a header, a line for each row in the order of the chain, and the head, signed. Every line is canonical JSON, so
 * that not a byte of it can be another without being noticed.
 */

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
const Place = z.strictObject({ seq: z.int().min(0), hash: Hash });

/** First line: whose chain it is, the place after which the rows begin, and the public keys as they were when it was made. */
export const ExportHeader = z.strictObject({
  object: z.literal('audit_export'),
  version: z.literal(1),
  tenant: z.string(),
  exported_at: z.iso.datetime(),
  from: Place,
  keys: z.array(z.looseObject({ kid: z.string() })),
});
/** The first line of an export. */
export type ExportHeader = z.output<typeof ExportHeader>;

/** A row. `previous` is the hash of the row before: so it is seen which of two rows was replaced. */
export const ExportRow = z.strictObject({
  object: z.literal('audit_event'),
  seq: z.int().min(1),
  ...auditFacts,
  previous: Hash,
  hash: Hash,
});
/** A row of an export. */
export type ExportRow = z.output<typeof ExportRow>;

type Unchecked = Pick<ExportRow, 'object' | 'seq' | 'previous' | 'hash'> & AuditFacts;

/** Last line: what the installation signs, a compact JWS. */
export const ExportHead = z.strictObject({ object: z.literal('audit_head'), head: z.string() });

/** What is signed. */
export const HeadClaims = z.object({ iss: z.string(), tenant: z.string(), iat: z.int(), from: Place, to: Place });
/** What is signed. */
export type HeadClaims = z.output<typeof HeadClaims>;

/** `typ` of the signed head. */
export const headType = 'parley-audit-head+jws';

/** A line of an export, with its line feed. A row is written as it is stored, also where it is not as it should be. */
export function lineOf(value: ExportHeader | Unchecked | z.output<typeof ExportHead>): string {
  return `${canonical(value)}\n`;
}

/** What the hash of a row covers. */
export function factsOf({ version, tenant, at, actor, action, target, outcome, origin, detail }: ExportRow): AuditFacts {
  return { version, tenant, at, actor, action, target, outcome, origin, detail };
}
