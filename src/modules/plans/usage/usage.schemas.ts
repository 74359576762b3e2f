import { z } from 'zod';
import { clock } from '../../../kernel/clock.ts';
import { limitKinds } from '../limits/limit-names.ts';
import { LimitNameSchema } from '../limits/limits.schemas.ts';

/** By what usage can be added up. */
export const usageGroups = ['day', 'bot', 'model', 'key', 'visitor'] as const;
/** One of them. */
export type UsageGroup = (typeof usageGroups)[number];

/** Query of GET /v1/usage. */
export const UsageQuery = z.object({
  from: z.iso.datetime({ offset: true }).optional().meta({ description: 'First moment; default: the start of this month (UTC).' }),
  to: z.iso.datetime({ offset: true }).optional().meta({ description: 'First moment that does not count; default: now.' }),
  group_by: z.enum(usageGroups).default('day'),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  after: z.string().max(400).optional().meta({ description: '`next_cursor` of the page before.' }),
});
/** A usage query, validated. */
export type UsageQuery = z.output<typeof UsageQuery>;

/** Usage of one group. */
const UsageOfGroup = z
  .object({
    object: z.literal('usage'),
    group_by: z.enum(usageGroups),
    key: z.string().nullable().meta({
      description: 'Day (UTC), id of the bot, name of the model, id of the API key or of the visitor; null for what belongs to none.',
    }),
    visitor_id: z.string().nullable().optional().meta({ description: "The tenant's own id of the visitor, when grouped by visitor." }),
    messages: z.int(),
    calls: z.int(),
    input_tokens: z.int(),
    output_tokens: z.int(),
    estimated_calls: z.int().meta({ description: 'Calls whose tokens the provider did not report: booked as what was reserved for them.' }),
    cost: z.int().meta({ description: 'Micro-units of money.' }),
  })
  .meta({ id: 'Usage' });
/** Usage of one group as the API shows it. */
export type UsageOfGroup = z.output<typeof UsageOfGroup>;

/** A list of usage. */
export const UsagePage = z
  .object({
    object: z.literal('list'),
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    data: z.array(UsageOfGroup),
    has_more: z.boolean(),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: 'UsageList' });

const kinds = [...new Set(Object.values(limitKinds))] as [string, ...string[]];

/** One limit and how the tenant stands. */
const LimitState = z
  .object({
    name: LimitNameSchema,
    kind: z.enum(kinds).meta({ description: 'What the limit bounds; `visitor_…` holds for each visitor apart.' }),
    limit: z.int().nullable().meta({ description: 'Null = no limit.' }),
    used: z
      .int()
      .nullable()
      .meta({ description: 'With what is reserved for running answers. Null where it is not counted for the tenant.' }),
    remaining: z.int().nullable(),
    resets_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'LimitState' });
/** One limit as the API shows it. */
export type LimitState = z.output<typeof LimitState>;

/** Body of GET /v1/limits. */
export const LimitsResponse = z
  .object({
    object: z.literal('limits'),
    plan: z.string(),
    tier: z.int(),
    trial_ends_at: z.iso.datetime().nullable(),
    limits: z.array(LimitState),
  })
  .meta({ id: 'Limits' });

/** Start of the month of `at` in UTC, by default of now. */
export function monthStart(at = new Date(clock.now())): Date {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1));
}
