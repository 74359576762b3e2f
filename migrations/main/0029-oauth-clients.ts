import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sayFewTenants } from '../first-statistics.ts';
import { protectTenantTable } from '../row-level-security.ts';

/** Programs that get tokens of a tenant's OAuth server, and what those tokens stand on. */
export class OAuthClients1763700000029 implements MigrationInterface {
  name = 'OAuthClients1763700000029';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL lock_timeout = '2s';
      CREATE TABLE oauth_clients (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        name text NOT NULL,
        secret_hash bytea,
        secret_hint text,
        grant_types text[] NOT NULL,
        redirect_uris text[] NOT NULL,
        scopes text[] NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, id)
      );
      -- A token request names the client, not the tenant.
      CREATE INDEX oauth_clients_id ON oauth_clients (id);

      -- A grant ends with its client, and one on behalf of a member with the membership.
      CREATE TABLE oauth_grants (
        tenant_id uuid NOT NULL,
        id uuid NOT NULL,
        client_id uuid NOT NULL,
        user_id uuid,
        scopes text[] NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        revoked_at timestamptz,
        PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, client_id) REFERENCES oauth_clients (tenant_id, id) ON DELETE CASCADE,
        FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
      );
      CREATE INDEX oauth_grants_client ON oauth_grants (tenant_id, client_id);
      CREATE INDEX oauth_grants_user ON oauth_grants (tenant_id, user_id) WHERE user_id IS NOT NULL;
      CREATE INDEX oauth_grants_expiry ON oauth_grants (expires_at);
    `);
    await protectTenantTable(runner, 'oauth_clients', { system: ['tenant_id', 'id'] });
    await protectTenantTable(runner, 'oauth_grants', {
      system: ['tenant_id', 'id', 'client_id', 'user_id', 'created_at', 'expires_at', 'revoked_at'],
    });
    await sayFewTenants(runner, ['oauth_clients', 'oauth_grants']);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
