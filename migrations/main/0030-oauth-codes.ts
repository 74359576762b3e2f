import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sayFewTenants, sayRare } from '../first-statistics.ts';
import { protectTenantTable } from '../row-level-security.ts';

/** Codes by which apps come by what a member gave them, and the tokens with which they refresh it. */
export class OAuthCodes1763700000030 implements MigrationInterface {
  name = 'OAuthCodes1763700000030';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL lock_timeout = '2s';
      -- The code stays with its grant once it is used, so that a replay is known as one.
      ALTER TABLE oauth_grants
        ADD COLUMN code_hash bytea,
        ADD COLUMN code_challenge text,
        ADD COLUMN code_expires_at timestamptz,
        ADD COLUMN code_used_at timestamptz,
        ADD COLUMN redirect_uri text,
        -- Whether the member had proven themself by more than a password.
        ADD COLUMN strong boolean NOT NULL DEFAULT false;
      GRANT SELECT (strong) ON oauth_grants TO parley_system;
      CREATE UNIQUE INDEX oauth_grants_code ON oauth_grants (tenant_id, code_hash) WHERE code_hash IS NOT NULL;

      CREATE TABLE oauth_refresh_tokens (
        tenant_id uuid NOT NULL,
        id uuid NOT NULL,
        grant_id uuid NOT NULL,
        token_hash bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        used_at timestamptz,
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, token_hash),
        FOREIGN KEY (tenant_id, grant_id) REFERENCES oauth_grants (tenant_id, id) ON DELETE CASCADE
      );
      CREATE INDEX oauth_refresh_tokens_grant ON oauth_refresh_tokens (tenant_id, grant_id);
    `);
    await protectTenantTable(runner, 'oauth_refresh_tokens', {});
    await sayFewTenants(runner, ['oauth_refresh_tokens']);
    await sayRare(runner, 'oauth_refresh_tokens', 'token_hash');
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
