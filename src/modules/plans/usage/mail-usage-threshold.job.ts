import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { row, TenantDatabase } from '../../../platform/database/index.ts';
import { onEvent } from '../../../platform/events/index.ts';
import { MailRefused, Mailer } from '../../../platform/mail/index.ts';
import { GiveUp, Handles, type JobHandler } from '../../../platform/queue/index.ts';
import { TenantOwners } from '../../identity/index.ts';
import { usageThresholdReached } from '../plans.events.ts';

/** Tells a tenant's owners that a limit of the month comes near, or is reached. */
export const mailUsageThreshold = onEvent(usageThresholdReached, 'mail-usage-threshold');

type Payload = z.output<typeof mailUsageThreshold.payload>;

const names = { messages_per_month: 'messages', tokens_per_month: 'tokens', cost_per_month: 'budget' } as const;

/** One mail to all owners. After a crash it may come twice, under the same message id, by which mail servers know it again. */
@Injectable()
@Handles(mailUsageThreshold)
export class MailUsageThreshold implements JobHandler<Payload> {
  constructor(
    private readonly mailer: Mailer,
    private readonly owners: TenantOwners,
    private readonly database: TenantDatabase,
  ) {}

  async handle(payload: Payload): Promise<void> {
    if (!this.mailer.enabled || (await this.isOvertaken(payload))) return;
    const contact = await this.owners.contact(payload.tenantId);
    if (contact === undefined || contact.emails.length === 0) return;
    try {
      await this.mailer.send({ to: contact.emails, ...messageOf(payload, contact.tenantName) });
    } catch (error) {
      if (error instanceof MailRefused) throw new GiveUp();
      throw error;
    }
  }

  /** True when more than this has been announced meanwhile: who crosses two thresholds at once gets one mail. */
  private async isOvertaken({ tenantId, limit, quota, percent, startsAt }: Payload): Promise<boolean> {
    const found = await this.database.forTenant(tenantId, (tx) =>
      row<{ percent: number | null }>(
        tx,
        `SELECT (announced ->> $3)::int AS percent FROM usage_counters WHERE tenant_id = $1 AND subject = $1 AND starts_at = $2 AND slot = 0`,
        [tenantId, new Date(startsAt), `${limit}:${quota}`],
      ),
    );
    return (found?.percent ?? 0) > percent;
  }
}

function messageOf({ tenantId, limit, quota, percent, startsAt }: Payload, tenantName: string) {
  const [what, month] = [names[limit], startsAt.slice(0, 7)];
  const amount = limit === 'cost_per_month' ? (quota / 1_000_000).toFixed(2) : String(quota);
  const consequence =
    percent >= 100
      ? 'New messages are refused until the next month begins (UTC), or until the plan is changed.'
      : 'Nothing is refused yet. When all of it is used, new messages are refused until the next month begins (UTC).';
  return {
    id: `usage-${tenantId}-${limit}-${quota}-${percent}-${month}`,
    subject: `${percent} % of this month's ${what} used: ${tenantName}`,
    text: `${tenantName} has used ${percent} % of the ${what} that its plan allows in ${month} (${amount}).\n\n${consequence}\n`,
  };
}
