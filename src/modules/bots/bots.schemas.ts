import { z } from 'zod';
import { pageOf } from '../../platform/http/index.ts';
import { skills } from '../models/index.ts';
import { InjectionPolicy, PrivacyPolicy } from '../privacy/index.ts';

/** `metadata` of any resource: up to 50 keys of 40 characters with values of 500. */
export const Metadata = z
  .record(z.string().min(1).max(40), z.string().max(500))
  .refine((value) => Object.keys(value).length <= 50, 'at most 50 keys');

/** An origin as browsers send it: scheme, host and port only. */
const Origin = z
  .string()
  .max(300)
  .refine((text) => URL.canParse(text) && new URL(text).origin === text, 'must be an origin such as https://www.example.com');

const settings = {
  instructions: z.string().max(32_000),
  greeting: z.string().max(2_000).nullable(),
  model: z.string().min(1).max(200).nullable(),
  temperature: z.number().min(0).max(2).nullable(),
  top_p: z.number().min(0).max(1).nullable(),
  max_output_tokens: z.int().min(1).max(1_000_000).nullable(),
  /** What a model must be able to do that answers for the bot. */
  skills: z.array(z.enum(skills)).max(skills.length),
  /** What becomes of personal data; null is the default: direct identifiers are hidden from the model. */
  privacy: PrivacyPolicy.nullable(),
  /** What is done about attacks on the instructions; null is the default: they are flagged. */
  injection: InjectionPolicy.nullable(),
  /** Whether only visitors are let in for whom the tenant vouches: by a signed identity token, or from its server. */
  enforce_identity: z.boolean(),
};

const own = {
  name: z.string().trim().min(1).max(200),
  allowed_origins: z.array(Origin).max(100),
  metadata: Metadata,
};

/** Body of "create a bot". */
export const CreateBot = z
  .strictObject({
    name: own.name,
    instructions: settings.instructions.default(''),
    greeting: settings.greeting.default(null),
    model: settings.model.default(null),
    temperature: settings.temperature.default(null),
    top_p: settings.top_p.default(null),
    max_output_tokens: settings.max_output_tokens.default(null),
    skills: settings.skills.default([]),
    privacy: settings.privacy.default(null),
    injection: settings.injection.default(null),
    enforce_identity: settings.enforce_identity.default(false),
    allowed_origins: own.allowed_origins.default([]),
    metadata: own.metadata.default({}),
  })
  .meta({ id: 'CreateBot' });
/** A new bot, validated. */
export type CreateBot = z.output<typeof CreateBot>;

/** Body of "change a bot": absent keeps, null clears. */
export const UpdateBot = z
  .strictObject({
    name: own.name.optional(),
    instructions: settings.instructions.nullable().optional(),
    greeting: settings.greeting.optional(),
    model: settings.model.optional(),
    temperature: settings.temperature.optional(),
    top_p: settings.top_p.optional(),
    max_output_tokens: settings.max_output_tokens.optional(),
    skills: settings.skills.nullable().optional(),
    privacy: settings.privacy.optional(),
    injection: settings.injection.optional(),
    enforce_identity: settings.enforce_identity.optional(),
    allowed_origins: own.allowed_origins.nullable().optional(),
    metadata: own.metadata.nullable().optional(),
  })
  .meta({ id: 'UpdateBot' });
/** A change of a bot, validated. */
export type UpdateBot = z.output<typeof UpdateBot>;

/** What a version of a bot fixes. Older ones name no skills and no policy. */
export const BotSettings = z.object({
  ...settings,
  skills: settings.skills.default([]),
  privacy: settings.privacy.default(null),
  injection: settings.injection.default(null),
  enforce_identity: settings.enforce_identity.default(false),
});
/** The settings of a version. */
export type BotSettings = z.output<typeof BotSettings>;

/** A bot as the API shows it: the settings are the draft's. */
export const BotResponse = z
  .object({
    object: z.literal('bot'),
    id: z.string(),
    name: z.string(),
    ...settings,
    allowed_origins: z.array(z.string()),
    metadata: z.record(z.string(), z.string()),
    published_version: z.int().nullable(),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: 'Bot' });

/** A list of bots. */
export const BotPage = pageOf('BotList', BotResponse);

/** A published version as the API shows it. */
export const BotVersionResponse = z
  .object({
    object: z.literal('bot_version'),
    id: z.string(),
    bot_id: z.string(),
    number: z.int(),
    ...settings,
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'BotVersion' });

/** A list of versions. */
export const BotVersionPage = pageOf('BotVersionList', BotVersionResponse);
