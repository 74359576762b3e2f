import { z } from 'zod';
import { pageOf } from '../../../platform/http/index.ts';

const Named = z.string().min(1).max(200);

/** Body of "erase a person". */
export const ErasePerson = z
  .union([
    z.strictObject({ visitor_id: Named.meta({ description: 'Your own id of the visitor, or `vis_…`.' }) }),
    z.strictObject({ user_id: Named.meta({ description: 'A member of the tenant, `usr_…`.' }) }),
  ])
  .meta({ id: 'ErasePerson' });
/** Who is to be erased, validated. */
export type ErasePerson = z.output<typeof ErasePerson>;

/** An erasure as the API shows it. */
export const ErasureResponse = z
  .object({
    object: z.literal('erasure'),
    id: z.string(),
    subject: z.object({ kind: z.enum(['visitor', 'user']), id: z.string().meta({ description: 'Our id of the person, never yours.' }) }),
    state: z.enum(['queued', 'running', 'done']),
    requested_by: z.string(),
    deleted: z
      .record(z.string(), z.int())
      .meta({ description: 'Rows that are gone so far, by table; of provider calls those that no longer name the person.' }),
    receipt: z
      .string()
      .nullable()
      .meta({ description: 'Once it is done: a signed statement (compact JWS), to be checked with the keys at /.well-known/jwks.json.' }),
    created_at: z.iso.datetime(),
    finished_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Erasure' });

/** A list of erasures. */
export const ErasurePage = pageOf('ErasureList', ErasureResponse);
