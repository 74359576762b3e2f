import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Keys have versions: the current one is used for what is new, old ones open what there is, retired ones open nothing. What there was
 * before is version 1 of its subject, and current. Beside them, what replicas read to learn of changes, the secrets that stand
 * directly under the master key, and how far long jobs with keys are. None of it holds content, or a key that is not wrapped.
 */
export class KeyVersions1763700000003 implements MigrationInterface {
  name = 'KeyVersions1763700000003';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL lock_timeout = '2s';
      ALTER TABLE wrapped_keys
        ADD COLUMN version integer NOT NULL DEFAULT 1,
        ADD COLUMN state text NOT NULL DEFAULT 'current' CHECK (state IN ('current', 'old', 'retired')),
        ADD COLUMN superseded_at timestamptz,
        ADD UNIQUE (tenant_id, kind, subject_id, version),
        DROP CONSTRAINT wrapped_keys_tenant_id_kind_subject_id_key;
      CREATE UNIQUE INDEX wrapped_keys_one_current ON wrapped_keys (tenant_id, kind, subject_id) WHERE state = 'current';

      -- Whose keys there are. The policy of wrapped_keys shows one tenant at a time, and a change of master key concerns all.
      CREATE TABLE key_holders (tenant_id uuid PRIMARY KEY);
      GRANT SELECT, INSERT, DELETE ON key_holders TO parley_keys;
      ALTER TABLE wrapped_keys NO FORCE ROW LEVEL SECURITY;
      INSERT INTO key_holders SELECT DISTINCT tenant_id FROM wrapped_keys;
      ALTER TABLE wrapped_keys FORCE ROW LEVEL SECURITY;

      -- No subject: all keys of the tenant.
      CREATE TABLE key_changes (
        seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tenant_id uuid NOT NULL,
        subject_id uuid,
        at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX key_changes_at ON key_changes (at);
      GRANT SELECT, INSERT, DELETE ON key_changes TO parley_keys;

      CREATE TABLE master_secrets (
        name text PRIMARY KEY,
        wrapped bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      GRANT SELECT, INSERT, UPDATE ON master_secrets TO parley_keys;

      CREATE TABLE key_jobs (
        id uuid PRIMARY KEY,
        kind text NOT NULL,
        tenant_id uuid,
        state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done')),
        place text NOT NULL DEFAULT '',
        after text,
        seen bigint NOT NULL DEFAULT 0,
        changed bigint NOT NULL DEFAULT 0,
        unreadable bigint NOT NULL DEFAULT 0,
        started_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE UNIQUE INDEX key_jobs_one_running ON key_jobs (kind, tenant_id) NULLS NOT DISTINCT WHERE state = 'running';
      GRANT SELECT, INSERT, UPDATE, DELETE ON key_jobs TO parley_keys;
    `);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
