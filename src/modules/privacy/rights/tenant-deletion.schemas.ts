import { z } from 'zod';

/** Body of "delete the tenant". */
export const DeleteTenant = z
  .strictObject({ confirm: z.string().max(64).meta({ description: 'The id of the tenant once more, `ten_…`: there is no way back.' }) })
  .meta({ id: 'DeleteTenant' });
/** The wish, validated. */
export type DeleteTenant = z.output<typeof DeleteTenant>;

/** A deletion as it is shown. */
export const TenantDeletionResponse = z
  .object({
    object: z.literal('tenant_deletion'),
    tenant_id: z.string(),
    state: z.enum(['running', 'done']),
    receipt: z
      .string()
      .nullable()
      .meta({ description: 'Once it is done: a signed statement (compact JWS), to be checked with the keys at /.well-known/jwks.json.' }),
    status_url: z.string().meta({ description: 'Where to look how far it is, without a credential: there is none any more.' }),
  })
  .meta({ id: 'TenantDeletion' });

/** Query of "how far is it". */
export const DeletionQuery = z.object({ receipt_token: z.string().max(100) });
/** That query, validated. */
export type DeletionQuery = z.output<typeof DeletionQuery>;
