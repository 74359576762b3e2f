import pg from 'pg';

/** So high that it never refuses; Redis' Lua and JavaScript count to there exactly. */
const far = 1_000_000_000_000;

/** Gives a plan every limit that there is, none of which is ever reached: each is asked, and none refuses. `ownerUrl` is the main database's. */
export async function setFarLimits(ownerUrl: string, plan: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    // The trial has all limits but that of money.
    await client.query(
      `UPDATE plans SET limits = (
         SELECT jsonb_object_agg(l.key, $2::bigint) FROM plans t, jsonb_object_keys(t.limits || '{"cost_per_month": 0}') l(key) WHERE t.id = 'trial')
       WHERE id = $1`,
      [plan, far],
    );
    // A limit of money refuses what has no price.
    await client.query(`INSERT INTO model_prices (model, starts_at, input, output) VALUES ('demo-large', '2020-01-01Z', 400000, 1600000)`);
  } finally {
    await client.end();
  }
}
