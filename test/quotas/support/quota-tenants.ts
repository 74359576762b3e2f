import pg from 'pg';
import { signUpCustomer } from '../../support/sign-up.ts';
import type { LimitChange } from '../checker/evidence.ts';
import { limitNames } from '../checker/evidence.ts';
import type { LoadTenant } from '../clients/load.ts';
import { uuidOfPublic } from '../../faults/support/public-id.ts';

/** A tenant whose use is judged. */
export interface QuotaTenant extends LoadTenant {
  uuid: string;
}

/** Signs up a tenant whose bot is answered by this model, with at most so many tokens. */
export async function signUpTenant(url: string, name: string, bot: { model: string; maxOutputTokens: number }): Promise<QuotaTenant> {
  const made = await signUpCustomer(url, name, { model: bot.model, max_output_tokens: bot.maxOutputTokens });
  return { name, uuid: uuidOfPublic(made.tenantId), apiKey: made.apiKey, botId: made.botId };
}

/** Sets a tenant's limits as an operator's database client would: a plan without limits, and overrides. Gives when it was done. */
export async function setLimits(ownerUrl: string, tenant: QuotaTenant, limits: Omit<LimitChange, 'at'>): Promise<LimitChange> {
  const overrides = Object.fromEntries(
    Object.entries(limitNames).flatMap(([name, wire]) => {
      const value = limits[name as keyof typeof limitNames];
      return value === undefined ? [] : [[wire, value]];
    }),
  );
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query(
      `INSERT INTO tenant_plans (tenant_id, plan_id, overrides) VALUES ($1, 'enterprise', $2)
       ON CONFLICT (tenant_id) DO UPDATE SET plan_id = excluded.plan_id, overrides = excluded.overrides, updated_at = now()`,
      [tenant.uuid, overrides],
    );
  } finally {
    await client.end();
  }
  return { at: Date.now(), ...limits };
}
