import type { MigrationInterface, QueryRunner } from 'typeorm';
import { protectTenantTable } from '../row-level-security.ts';

/**
 * The catalog of models with dated prices (micro-units of money for a million tokens), credentials of providers, and routes with their
 * targets; the latter two for a tenant, and for the whole platform. The system role writes what is the platform's but cannot read
 * its secrets; the tenant role reads them as ciphertext, to call for a tenant.
 */
export class Models1763700000008 implements MigrationInterface {
  name = 'Models1763700000008';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE model_catalog (
        name text PRIMARY KEY,
        context_window integer NOT NULL CHECK (context_window BETWEEN 512 AND 100000000),
        max_output integer CHECK (max_output > 0),
        vision boolean NOT NULL DEFAULT false,
        tools boolean NOT NULL DEFAULT false,
        reasoning boolean NOT NULL DEFAULT false,
        continues boolean NOT NULL DEFAULT false,
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE TABLE model_prices (
        model text NOT NULL REFERENCES model_catalog (name) ON DELETE CASCADE,
        starts_at timestamptz NOT NULL,
        input bigint NOT NULL CHECK (input >= 0),
        output bigint NOT NULL CHECK (output >= 0),
        PRIMARY KEY (model, starts_at)
      );
      GRANT SELECT, INSERT, UPDATE, DELETE ON model_catalog, model_prices TO parley_system;

      CREATE TABLE platform_model_credentials (
        id uuid PRIMARY KEY,
        name text NOT NULL UNIQUE,
        kind text NOT NULL CHECK (kind IN ('openai', 'azure', 'compatible', 'anthropic')),
        base_url text,
        api_version text,
        secret bytea NOT NULL,
        version integer NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE TABLE platform_model_routes (
        id uuid PRIMARY KEY,
        name text NOT NULL UNIQUE,
        after_content_filter boolean NOT NULL DEFAULT false,
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE TABLE platform_model_targets (
        route_id uuid NOT NULL REFERENCES platform_model_routes (id) ON DELETE CASCADE,
        position integer NOT NULL,
        credential_id uuid REFERENCES platform_model_credentials (id),
        model text NOT NULL,
        provider_model text,
        continues boolean,
        tier integer NOT NULL CHECK (tier BETWEEN 0 AND 100),
        weight integer NOT NULL CHECK (weight BETWEEN 1 AND 1000),
        PRIMARY KEY (route_id, position)
      );
      GRANT SELECT (id, name, kind, base_url, api_version, version, created_at, updated_at), INSERT, UPDATE, DELETE
        ON platform_model_credentials TO parley_system;
      GRANT SELECT, INSERT, UPDATE, DELETE ON platform_model_routes, platform_model_targets TO parley_system;
      GRANT SELECT ON platform_model_credentials, platform_model_routes, platform_model_targets TO parley_tenant;

      CREATE TABLE model_credentials (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        name text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('openai', 'azure', 'compatible', 'anthropic')),
        base_url text,
        api_version text,
        secret bytea NOT NULL,
        hint text NOT NULL,
        version integer NOT NULL DEFAULT 1,
        check_result text NOT NULL,
        checked_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, name)
      );
      CREATE TABLE model_routes (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        name text NOT NULL,
        after_content_filter boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, name)
      );
      CREATE TABLE model_targets (
        tenant_id uuid NOT NULL,
        route_id uuid NOT NULL,
        position integer NOT NULL,
        credential_id uuid,
        model text NOT NULL,
        provider_model text,
        continues boolean,
        tier integer NOT NULL CHECK (tier BETWEEN 0 AND 100),
        weight integer NOT NULL CHECK (weight BETWEEN 1 AND 1000),
        PRIMARY KEY (tenant_id, route_id, position),
        FOREIGN KEY (tenant_id, route_id) REFERENCES model_routes (tenant_id, id) ON DELETE CASCADE,
        FOREIGN KEY (tenant_id, credential_id) REFERENCES model_credentials (tenant_id, id)
      );
      CREATE INDEX model_targets_credential ON model_targets (tenant_id, credential_id) WHERE credential_id IS NOT NULL;
    `);
    for (const table of ['model_credentials', 'model_routes', 'model_targets']) await protectTenantTable(runner, table, {});
    await runner.query(knownModels);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}

/** From the providers' public model and price pages, in millionths of a US dollar; operators keep them current. */
const knownModels = `
  INSERT INTO model_catalog (name, context_window, max_output, vision, tools, reasoning, continues) VALUES
    ('demo-small', 8192, NULL, false, false, false, true),
    ('demo-large', 131072, NULL, false, false, false, true),
    ('gpt-4.1', 1047576, 32768, true, true, false, false),
    ('gpt-4.1-mini', 1047576, 32768, true, true, false, false),
    ('gpt-4.1-nano', 1047576, 32768, true, true, false, false),
    ('gpt-4o', 128000, 16384, true, true, false, false),
    ('gpt-4o-mini', 128000, 16384, true, true, false, false),
    ('gpt-4-turbo', 128000, 4096, true, true, false, false),
    ('gpt-4', 8192, 8192, false, true, false, false),
    ('gpt-5', 400000, 128000, true, true, true, false),
    ('gpt-5-mini', 400000, 128000, true, true, true, false),
    ('gpt-5-nano', 400000, 128000, true, true, true, false),
    ('o3', 200000, 100000, true, true, true, false),
    ('o4-mini', 200000, 100000, true, true, true, false),
    ('claude-opus-4-5', 200000, 64000, true, true, true, false),
    ('claude-sonnet-4-5', 200000, 64000, true, true, true, false),
    ('claude-haiku-4-5', 200000, 64000, true, true, true, false);
  INSERT INTO model_prices (model, starts_at, input, output) VALUES
    ('gpt-4.1', '2025-04-14Z', 2000000, 8000000),
    ('gpt-4.1-mini', '2025-04-14Z', 400000, 1600000),
    ('gpt-4.1-nano', '2025-04-14Z', 100000, 400000),
    ('gpt-4o', '2024-10-01Z', 2500000, 10000000),
    ('gpt-4o-mini', '2024-07-18Z', 150000, 600000),
    ('gpt-4-turbo', '2024-04-09Z', 10000000, 30000000),
    ('gpt-4', '2023-03-14Z', 30000000, 60000000),
    ('gpt-5', '2025-08-07Z', 1250000, 10000000),
    ('gpt-5-mini', '2025-08-07Z', 250000, 2000000),
    ('gpt-5-nano', '2025-08-07Z', 50000, 400000),
    ('o3', '2025-06-10Z', 2000000, 8000000),
    ('o4-mini', '2025-04-16Z', 1100000, 4400000),
    ('claude-opus-4-5', '2025-11-24Z', 5000000, 25000000),
    ('claude-sonnet-4-5', '2025-09-29Z', 3000000, 15000000),
    ('claude-haiku-4-5', '2025-10-15Z', 1000000, 5000000);
`;
