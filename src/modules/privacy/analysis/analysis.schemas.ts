import { z } from 'zod';
import { entityKinds, languages } from '../anonymizer/entity-kinds.ts';
import { CustomData } from '../anonymizer/custom/custom-data.schemas.ts';
import { GivenText, GivenTexts } from '../given-text.schemas.ts';
import { actions } from '../policies/privacy-policy.ts';

const look = {
  /** Guessed for each text where it is absent. */
  language: z.enum(languages).optional(),
  /** All where absent. */
  kinds: z.array(z.enum(entityKinds)).min(1).max(entityKinds.length).optional(),
  min_confidence: z.number().min(0).max(1).optional(),
  /** To try patterns, dictionaries and allow-lists before a bot has them. */
  custom: CustomData.optional(),
};

/** Body of "find personal data": a text, or up to 100. */
export const AnalyzeTexts = z
  .union([z.strictObject({ text: GivenText, ...look }), z.strictObject({ texts: GivenTexts, ...look })])
  .meta({ id: 'AnalyzeTexts' });
/** Texts to look through, validated. */
export type AnalyzeTexts = z.output<typeof AnalyzeTexts>;

const spans = z.array(
  z
    .object({
      kind: z.enum(entityKinds),
      /** In UTF-16 code units, as JavaScript and Java count. */
      start: z.int(),
      end: z.int(),
      confidence: z.number(),
      recognizer: z.string(),
    })
    .meta({ id: 'PersonalDataSpan' }),
);

/** What was found in a text, or in each of the texts. */
export const AnalysisResponse = z
  .union([z.object({ spans }), z.object({ results: z.array(z.object({ spans })) })])
  .meta({ id: 'PersonalDataAnalysis' });

const hide = {
  ...look,
  /** What becomes of each kind; what is not named is pseudonymised. Nothing is refused here: `block` masks. */
  actions: z.partialRecord(z.enum(entityKinds), z.enum(actions)).default({}),
  /** Whose texts they are, by the tenant's own id or a `vis_…`: the values are then sealed under that visitor's key, and go with them. */
  visitor_id: z.string().min(1).max(200).optional(),
};

/** Body of "hide personal data": a text, or up to 100, which share their placeholders. */
export const AnonymizeTexts = z
  .union([z.strictObject({ text: GivenText, ...hide }), z.strictObject({ texts: GivenTexts, ...hide })])
  .meta({ id: 'AnonymizeTexts' });
/** Texts to hide data in, validated. */
export type AnonymizeTexts = z.output<typeof AnonymizeTexts>;

const mapping = {
  /** With it the values come back, until it expires. */
  mapping_id: z.string(),
  expires_at: z.iso.datetime(),
};

/** The text, or the texts, with placeholders. */
export const AnonymizedResponse = z
  .union([z.object({ text: z.string(), ...mapping }), z.object({ texts: z.array(z.string()), ...mapping })])
  .meta({ id: 'AnonymizedTexts' });

/** Body of "put personal data back". */
export const DeanonymizeText = z.strictObject({ text: GivenText, mapping_id: z.string().max(64) }).meta({ id: 'DeanonymizeText' });
/** A text with placeholders, validated. */
export type DeanonymizeText = z.output<typeof DeanonymizeText>;

/** The text with the values. */
export const DeanonymizedResponse = z.object({ text: z.string() }).meta({ id: 'DeanonymizedText' });
