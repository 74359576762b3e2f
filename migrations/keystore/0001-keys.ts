import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Wrapped keys, apart from the data that they open. */
export class Keys1763700000001 implements MigrationInterface {
  name = 'Keys1763700000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      GRANT USAGE ON SCHEMA public TO parley_keys;

      CREATE TABLE wrapped_keys (
        tenant_id uuid NOT NULL,
        id uuid NOT NULL,
        kind text NOT NULL CHECK (kind IN ('tenant', 'visitor')),
        subject_id uuid NOT NULL,
        wrapped bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, kind, subject_id)
      );
      ALTER TABLE wrapped_keys ENABLE ROW LEVEL SECURITY;
      ALTER TABLE wrapped_keys FORCE ROW LEVEL SECURITY;
      CREATE POLICY tenant_isolation ON wrapped_keys TO parley_keys
        USING (tenant_id = current_setting('app.tenant')::uuid)
        WITH CHECK (tenant_id = current_setting('app.tenant')::uuid);
      GRANT SELECT, INSERT, UPDATE, DELETE ON wrapped_keys TO parley_keys;

      CREATE TABLE signing_keys (
        kid text PRIMARY KEY,
        wrapped_private_key bytea NOT NULL,
        public_jwk jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        retired_at timestamptz
      );
      GRANT SELECT, INSERT, UPDATE ON signing_keys TO parley_keys;
    `);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
