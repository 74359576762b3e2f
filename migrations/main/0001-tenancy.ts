import type { MigrationInterface, QueryRunner } from 'typeorm';
import { protectTenantTable } from '../row-level-security.ts';

/** Users, tenants and everything that says who may do what. */
export class Tenancy1763700000001 implements MigrationInterface {
  name = 'Tenancy1763700000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      GRANT USAGE ON SCHEMA public TO parley_tenant, parley_system;

      CREATE TABLE users (
        id uuid PRIMARY KEY,
        email_hash bytea NOT NULL,
        password_hash bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        disabled_at timestamptz
      );
      CREATE INDEX users_email_hash ON users (email_hash);
      GRANT SELECT, INSERT, UPDATE ON users TO parley_system;

      CREATE TABLE tenants (
        id uuid PRIMARY KEY,
        tenant_id uuid NOT NULL GENERATED ALWAYS AS (id) STORED,
        name text NOT NULL,
        status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
        created_at timestamptz NOT NULL DEFAULT now()
      );

      CREATE TABLE memberships (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        user_id uuid NOT NULL,
        role text NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'viewer')),
        email bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, user_id)
      );
      CREATE INDEX memberships_user ON memberships (user_id);

      CREATE TABLE sessions (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        user_id uuid NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        revoked_at timestamptz,
        revoked_reason text,
        PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
      );
      CREATE INDEX sessions_expiry ON sessions (expires_at);

      CREATE TABLE refresh_tokens (
        tenant_id uuid NOT NULL,
        id uuid NOT NULL,
        session_id uuid NOT NULL,
        token_hash bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        used_at timestamptz,
        PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE
      );
      CREATE UNIQUE INDEX refresh_tokens_hash ON refresh_tokens (tenant_id, token_hash);
      CREATE INDEX refresh_tokens_lookup ON refresh_tokens (token_hash);
      CREATE INDEX refresh_tokens_session ON refresh_tokens (tenant_id, session_id);

      CREATE TABLE api_keys (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        name text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('secret', 'publishable')),
        mode text NOT NULL CHECK (mode IN ('live', 'test')),
        key_hash bytea NOT NULL,
        hint text NOT NULL,
        scopes text[] NOT NULL,
        bot_id uuid,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz,
        revoked_at timestamptz,
        last_used_at timestamptz,
        successor_id uuid,
        PRIMARY KEY (tenant_id, id)
      );
      CREATE UNIQUE INDEX api_keys_hash ON api_keys (tenant_id, key_hash);
      CREATE INDEX api_keys_lookup ON api_keys (key_hash);

      CREATE TABLE visitors (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        external_id_hash bytea NOT NULL,
        external_id bytea NOT NULL,
        attributes bytea,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, external_id_hash)
      );

      CREATE TABLE idempotency_keys (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        scope_hash bytea NOT NULL,
        body_digest bytea NOT NULL,
        status integer,
        response bytea,
        created_at timestamptz NOT NULL DEFAULT now(),
        locked_until timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, scope_hash)
      );
      CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
    `);
    await protectTenantTable(runner, 'tenants', { tenant: ['SELECT', 'INSERT', 'UPDATE'], system: ['id', 'tenant_id', 'status'] });
    await protectTenantTable(runner, 'memberships', { system: ['tenant_id', 'id', 'user_id', 'role', 'created_at'] });
    await protectTenantTable(runner, 'sessions', {
      system: ['tenant_id', 'id', 'user_id', 'expires_at', 'revoked_at'],
    });
    await protectTenantTable(runner, 'refresh_tokens', { system: ['tenant_id', 'id', 'session_id', 'token_hash'] });
    await protectTenantTable(runner, 'api_keys', {
      system: ['tenant_id', 'id', 'key_hash', 'kind', 'revoked_at', 'expires_at'],
    });
    await protectTenantTable(runner, 'visitors', {});
    await protectTenantTable(runner, 'idempotency_keys', { system: ['tenant_id', 'id', 'expires_at'] });
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
