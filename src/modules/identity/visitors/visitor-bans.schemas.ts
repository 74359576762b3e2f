import { z } from 'zod';

/** Body of "ban a visitor". */
export const BanVisitor = z
  .strictObject({
    reason_code: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,79}$/, 'must be a code: letters, digits and _ . : -')
      .meta({ description: 'A code of your own; never a name or a text.' }),
  })
  .meta({ id: 'BanVisitor' });
/** A ban to be made, validated. */
export type BanVisitor = z.output<typeof BanVisitor>;

/** A ban as the API shows it. */
export const VisitorBanResponse = z
  .object({
    object: z.literal('visitor_ban'),
    visitor_id: z.string(),
    reason_code: z.string(),
    banned_at: z.iso.datetime(),
  })
  .meta({ id: 'VisitorBan' });
