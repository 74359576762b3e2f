import { z } from 'zod';
import { auditActions, auditOutcomes } from '../../../platform/audit/index.ts';
import { pageOf } from '../../../platform/http/index.ts';

/** Query of GET /v1/audit. */
export const AuditQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: z
    .string()
    .regex(/^\d{1,15}$/)
    .optional()
    .meta({ description: '`next_cursor` of the page before.' }),
  action: z.enum(auditActions).optional(),
  actor: z
    .string()
    .max(100)
    .optional()
    .meta({ description: 'Id of who did it: a user, an API key, a visitor, or a door of the operators.' }),
  target: z.string().max(100).optional().meta({ description: 'Id of what it was done to.' }),
  outcome: z.enum(auditOutcomes).optional(),
  from: z.iso.datetime({ offset: true }).optional().meta({ description: 'First moment.' }),
  to: z.iso.datetime({ offset: true }).optional().meta({ description: 'First moment that does not count.' }),
});
/** A query of the audit trail, validated. */
export type AuditQuery = z.output<typeof AuditQuery>;

/** Query of GET /v1/audit/export. */
export const AuditExportQuery = z.object({
  after: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .meta({ description: 'Number of the row that an earlier export ended with; default: from the first row that is kept.' }),
});
/** A query of an export, validated. */
export type AuditExportQuery = z.output<typeof AuditExportQuery>;

const Token = z.string().max(200);

/** What the hash of a row covers besides its place, in the API and in exports. */
export const auditFacts = {
  version: z.int(),
  tenant: Token,
  at: z.iso.datetime(),
  actor: z.strictObject({ kind: Token, id: Token.nullable() }),
  action: Token,
  target: z.strictObject({ kind: Token, id: Token }).nullable(),
  outcome: z.enum(auditOutcomes),
  origin: z
    .strictObject({ network: Token, address_hash: Token, request_id: Token.nullable() })
    .nullable()
    .meta({ description: 'The network of the caller, and a keyed hash of the whole address: the same for the same address.' }),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).nullable(),
};

/** A row as the API shows it. */
export const AuditEventResponse = z
  .object({
    object: z.literal('audit_event'),
    id: z.string().meta({ description: 'Its number in the chain of the tenant.' }),
    ...auditFacts,
    hash: z.string().meta({ description: 'SHA-256, hexadecimal, over the row before, its number and everything that it says.' }),
  })
  .meta({ id: 'AuditEvent' });

/** A list of rows. */
export const AuditEventPage = pageOf('AuditEventList', AuditEventResponse);
