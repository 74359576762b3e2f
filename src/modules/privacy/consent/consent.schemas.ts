import { z } from 'zod';

/** Purposes that consent can be given for; what chat itself needs is not among them. */
export const consentPurposes = ['analytics', 'model_improvement', 'marketing'] as const;
/** A purpose. */
export type ConsentPurpose = (typeof consentPurposes)[number];

/** Where a visitor said it. */
export const consentSources = ['widget', 'site', 'contract', 'support', 'import', 'api'] as const;
/** A source. */
export type ConsentSource = (typeof consentSources)[number];

const Purpose = z.enum(consentPurposes);

/** Body of "note what a visitor consents to": purposes that are absent stay as they are. */
export const PutConsent = z
  .strictObject({
    purposes: z.partialRecord(Purpose, z.boolean()).meta({ description: 'True = given, false = refused or withdrawn.' }),
    source: z.enum(consentSources).default('api'),
    evidence: z
      .string()
      .min(1)
      .max(1_000)
      .optional()
      .meta({ description: 'What proves it: the wording, its version, a reference. Kept encrypted under the visitor’s key.' }),
  })
  .meta({ id: 'PutConsent' });
/** What a visitor consents to, validated. */
export type PutConsent = z.output<typeof PutConsent>;

/** What a visitor has consented to, as the API shows it. */
export const ConsentResponse = z
  .object({
    object: z.literal('consent'),
    visitor_id: z.string(),
    purposes: z.array(
      z.object({
        purpose: Purpose,
        given: z.boolean(),
        source: z.enum(consentSources).nullable(),
        evidence: z.string().nullable(),
        decided_at: z.iso.datetime().nullable().meta({ description: 'Null = never asked, which counts as no.' }),
      }),
    ),
  })
  .meta({ id: 'Consent' });
