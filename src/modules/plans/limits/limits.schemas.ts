import { z } from 'zod';
import { limitNames } from './limit-names.ts';

/** Id of a plan, chosen by the operator. */
export const PlanId = z.string().regex(/^[a-z][a-z0-9_-]{0,39}$/, 'must be 1 to 40 of a-z, 0-9, _ and -, beginning with a letter');

/** Name of a limit. */
export const LimitNameSchema = z.enum(limitNames);

/** Value of a limit: a whole number, 0 for "none at all". */
export const LimitValue = z.int().min(0);

/** Limits as plans and overrides store them: null and absent are told apart by `effectiveLimits`. Unknown names are left out. */
export const StoredLimits = z.object(Object.fromEntries(limitNames.map((name) => [name, LimitValue.nullable().optional()])));
/** Stored limits, validated. */
export type StoredLimits = z.output<typeof StoredLimits>;

/** Place of a plan among the others: a higher tier's turns go first. */
export const Tier = z.int().min(0).max(100);
