import { type ConfigValues, defineTopic, entry } from '../../platform/config/index.ts';
import { PlanId } from './limits/limits.schemas.ts';

/** Which plan holds where nobody said so. */
export const plansConfig = defineTopic('plans', 'Plans', {
  defaultPlan: entry(
    'PLAN_DEFAULT',
    PlanId.default('trial'),
    'Plan of tenants that were given none: trial, basic, pro, enterprise (no limits), or one of your own.',
  ),
});

/** Values of the plans topic. */
export type PlansConfig = ConfigValues<typeof plansConfig>;
