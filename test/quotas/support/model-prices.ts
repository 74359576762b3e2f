import pg from 'pg';
import type { Price } from '../checker/evidence.ts';

/**
 * What the demo models cost here. No price divides by a million tokens without a rest, so that each call is rounded. At the second one a tenant's month is
 * worth enough money for its counter to be spread over several rows.
 */
export const modelPrices = {
  'demo-large': { input: 2_350_001, output: 7_810_003 },
  'demo-small': { input: 470_000_003, output: 1_810_000_001 },
} as const satisfies Record<string, Price>;

/** Sets them, as `parley models price` does, from a time long ago. Servers read prices when they start. */
export async function setModelPrices(ownerUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    for (const [model, { input, output }] of Object.entries(modelPrices))
      await client.query(`INSERT INTO model_prices (model, starts_at, input, output) VALUES ($1, '2020-01-01Z', $2, $3)`, [
        model,
        input,
        output,
      ]);
  } finally {
    await client.end();
  }
}
