import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { LimitChange } from '../checker/evidence.ts';
import { limitNames } from '../checker/evidence.ts';
import type { LoadTenant } from '../clients/load.ts';
import { uuidOfPublic } from '../../faults/support/public-id.ts';

/** A tenant whose use is judged. */
export interface QuotaTenant extends LoadTenant {
  uuid: string;
}

/** Signs up a tenant with a secret key and a bot whose answers have at most `maxOutputTokens`, over the API, as a customer does. */
export async function signUpTenant(url: string, name: string, maxOutputTokens: number): Promise<QuotaTenant> {
  const call = async (path: string, body: object, token?: string) => {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });
    if (response.status !== 201) throw new Error(`${path} answered ${response.status}`);
    return (await response.json()) as Record<string, string>;
  };
  const email = `owner-${randomBytes(6).toString('hex')}@example.com`;
  const session = await call('/v1/auth/sign-up', { email, password: randomBytes(12).toString('base64url'), tenant_name: name });
  const token = session['access_token'];
  const key = await call('/v1/api-keys', { name: 'Key' }, token);
  const bot = await call('/v1/bots', { name: 'Bot', instructions: 'Be brief.', max_output_tokens: maxOutputTokens }, token);
  return { name, uuid: uuidOfPublic(session['tenant_id'] ?? ''), apiKey: key['key'] ?? '', botId: bot['id'] ?? '' };
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
