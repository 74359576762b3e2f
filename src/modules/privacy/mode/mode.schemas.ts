import { z } from 'zod';
import { privacyModes } from './privacy-mode.ts';

const Mode = z.enum(privacyModes);

/** Body of "choose the privacy mode". */
export const PutMode = z
  .strictObject({ mode: Mode.nullable().meta({ description: 'Null = as the installation says.' }) })
  .meta({ id: 'PutPrivacyMode' });
/** A choice of mode, validated. */
export type PutMode = z.output<typeof PutMode>;

/** The privacy mode as the API shows it. */
export const ModeResponse = z
  .object({
    object: z.literal('privacy_mode'),
    mode: Mode.nullable().meta({ description: 'What the tenant has chosen; null = nothing.' }),
    in_force: Mode,
  })
  .meta({ id: 'PrivacyMode' });
