import { z } from 'zod';
import { defineEvent } from '../../platform/events/index.ts';

/** The limits of a month whose approach is announced. */
export const announcedLimits = ['messages_per_month', 'tokens_per_month', 'cost_per_month'] as const;

/** A tenant has used so many percent of what its plan allows in a month. Once per threshold, limit and month. */
export const usageThresholdReached = defineEvent('usage.threshold_reached', {
  limit: z.enum(announcedLimits),
  /** What the limit was. */
  quota: z.int(),
  percent: z.int(),
  /** Start of the month. */
  startsAt: z.iso.datetime(),
});
