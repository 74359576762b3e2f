import { z } from 'zod';
import { pageOf } from '../../../platform/http/index.ts';
import { holdKinds } from './legal-holds.ts';

const ReasonCode = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,79}$/, 'must be a code: letters, digits and _ . : -')
  .meta({ description: 'A code of your own, such as a docket number; never a name or a text.' });

/** Body of "hold something". */
export const PlaceHold = z
  .strictObject({
    kind: z.enum(holdKinds),
    object_id: z.string().max(64).optional().meta({ description: 'Id of the bot, visitor or conversation; none for the whole tenant.' }),
    reason_code: ReasonCode,
    until: z.iso.datetime().nullable().default(null).meta({ description: 'When it ends by itself; null = when it is lifted.' }),
  })
  .meta({ id: 'PlaceLegalHold' });
/** A hold to be placed, validated. */
export type PlaceHold = z.output<typeof PlaceHold>;

/** A hold as the API shows it. */
export const HoldResponse = z
  .object({
    object: z.literal('legal_hold'),
    id: z.string(),
    kind: z.enum(holdKinds),
    object_id: z.string(),
    reason_code: ReasonCode,
    placed_by: z.string(),
    placed_at: z.iso.datetime(),
    until: z.iso.datetime().nullable(),
    lifted_at: z.iso.datetime().nullable(),
    in_force: z.boolean(),
  })
  .meta({ id: 'LegalHold' });

/** A list of holds. */
export const HoldPage = pageOf('LegalHoldList', HoldResponse);
