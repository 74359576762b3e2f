import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { IdentityModule } from '../identity/index.ts';
import { CountedThings } from './limits/counted-things.ts';
import { IdentityLimits } from './limits/identity-limits.ts';
import { PlanLimits } from './limits/plan-limits.ts';
import { PlansAdmin } from './limits/plans-admin.ts';
import { PlansRepository } from './limits/plans.repository.ts';
import { Quotas } from './quotas/quotas.ts';
import { PlansData } from './plans-data.ts';
import { Admission } from './rates/admission.ts';
import { RequestRateGuard } from './rates/request-rate.guard.ts';
import { Standing } from './rates/standing.ts';
import { TenantSockets } from './rates/tenant-sockets.ts';
import { LimitStates } from './usage/limit-states.ts';
import { MailUsageThreshold } from './usage/mail-usage-threshold.job.ts';
import { Thresholds } from './usage/thresholds.ts';
import { UsageController } from './usage/usage.controller.ts';
import { UsageRepository } from './usage/usage.repository.ts';
import { Usage } from './usage/usage.service.ts';

const limits = [PlansRepository, PlanLimits, CountedThings, IdentityLimits, PlansAdmin];
const rates = [Admission, Standing, TenantSockets, RequestRateGuard];
const usage = [UsageRepository, Usage, LimitStates, Thresholds, MailUsageThreshold];

/** What a tenant may have and use, and what it has used. */
@Module({
  imports: [IdentityModule],
  controllers: [UsageController],
  // The guard runs after that of access: identity is imported, and so comes first.
  providers: [...limits, ...rates, ...usage, Quotas, PlansData, { provide: APP_GUARD, useExisting: RequestRateGuard }],
  exports: [PlanLimits, CountedThings, PlansAdmin, Admission, TenantSockets, Thresholds, Quotas],
})
export class PlansModule {}
