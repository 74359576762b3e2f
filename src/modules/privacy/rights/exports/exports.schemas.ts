import { z } from 'zod';
import { pageOf } from '../../../../platform/http/index.ts';

const Named = z.string().min(1).max(200);

/** Body of "export what is stored of somebody". */
export const ExportPerson = z
  .union([
    z.strictObject({ visitor_id: Named.meta({ description: 'Your own id of the visitor, or `vis_…`.' }) }),
    z.strictObject({ user_id: Named.meta({ description: 'A member of the tenant, `usr_…`.' }) }),
    z.strictObject({ scope: z.literal('tenant').meta({ description: 'Everything of the tenant. Needs `tenant.export` too.' }) }),
  ])
  .meta({ id: 'ExportPerson' });
/** Whose data is asked for, validated. */
export type ExportPerson = z.output<typeof ExportPerson>;

const members = {
  object: z.literal('personal_export'),
  id: z.string(),
  subject: z.object({ kind: z.enum(['visitor', 'user', 'tenant']), id: z.string().meta({ description: 'Our id, never yours.' }) }),
  state: z.enum(['queued', 'running', 'done', 'failed', 'expired']),
  progress: z.object({ records: z.int(), bytes: z.int().meta({ description: 'Of the archive, so far.' }) }),
  error_code: z.string().nullable().meta({ description: 'Why it failed: `too_large`, `erased` or `internal`.' }),
  download_url: z
    .string()
    .nullable()
    .meta({ description: 'Once it is done and until it expires. Whoever has it gets the archive; it opens with the password alone.' }),
  created_at: z.iso.datetime(),
  finished_at: z.iso.datetime().nullable(),
  expires_at: z.iso.datetime().nullable(),
};

/** An export as the API shows it. */
export const PersonalExportResponse = z.object(members).meta({ id: 'PersonalExport' });

/** An export that was just asked for. */
export const NewPersonalExport = z
  .object({
    ...members,
    password: z.string().meta({ description: 'Opens the archive. Shown in this answer alone, and kept nowhere once the archive is made.' }),
  })
  .meta({ id: 'NewPersonalExport' });

/** A list of exports. */
export const PersonalExportPage = pageOf('PersonalExportList', PersonalExportResponse);

/** Query of a link to an archive. */
export const ArchiveQuery = z.object({ token: z.string().max(200).default('') });
/** That query, validated. */
export type ArchiveQuery = z.output<typeof ArchiveQuery>;
