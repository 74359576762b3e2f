import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sayFewTenants } from '../first-statistics.ts';
import { protectTenantTable } from '../row-level-security.ts';

/**
 * Plans as data, who has which, what was used of them, and the ledger of provider calls. Limits are JSON by the limit's name; a
 * limit that is missing or null does not apply. Counters are a few rows for a tenant's month and one for a visitor's day
 * (both in UTC by the database's clock), each with everything that a call may use, so that one statement reserves it.
 */
export class Plans1763700000007 implements MigrationInterface {
  name = 'Plans1763700000007';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE plans (
        id text PRIMARY KEY,
        name text NOT NULL,
        tier integer NOT NULL DEFAULT 0 CHECK (tier BETWEEN 0 AND 100),
        trial_days integer CHECK (trial_days > 0),
        limits jsonb NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      GRANT SELECT ON plans TO parley_tenant;
      GRANT SELECT, INSERT, UPDATE ON plans TO parley_system;

      CREATE TABLE tenant_plans (
        tenant_id uuid PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
        plan_id text NOT NULL REFERENCES plans (id) ON UPDATE CASCADE,
        overrides jsonb NOT NULL DEFAULT '{}',
        trial_ends_at timestamptz,
        updated_at timestamptz NOT NULL DEFAULT now()
      );

      CREATE TABLE usage_counters (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        subject uuid NOT NULL,
        starts_at timestamptz NOT NULL,
        slot smallint NOT NULL DEFAULT 0,
        messages bigint NOT NULL DEFAULT 0,
        tokens bigint NOT NULL DEFAULT 0,
        tokens_reserved bigint NOT NULL DEFAULT 0,
        cost bigint NOT NULL DEFAULT 0,
        cost_reserved bigint NOT NULL DEFAULT 0,
        spread_for jsonb,
        announced jsonb NOT NULL DEFAULT '{}',
        PRIMARY KEY (tenant_id, subject, starts_at, slot)
      ) WITH (fillfactor = 50);

      CREATE TABLE provider_calls (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        kind text NOT NULL CHECK (kind IN ('chat', 'embedding', 'job', 'cache')),
        turn_id uuid,
        call integer,
        bot_id uuid,
        visitor_id uuid,
        api_key_id uuid,
        target text,
        model text,
        state text NOT NULL CHECK (state IN ('reserved', 'settled', 'released')),
        outcome text,
        reserved_input integer NOT NULL CHECK (reserved_input >= 0),
        reserved_output integer NOT NULL CHECK (reserved_output >= 0),
        reserved_cost bigint NOT NULL DEFAULT 0 CHECK (reserved_cost >= 0),
        input_tokens integer,
        output_tokens integer,
        estimated boolean NOT NULL DEFAULT false,
        cost bigint,
        month_starts_at timestamptz NOT NULL,
        day_starts_at timestamptz,
        slot smallint NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        settled_at timestamptz,
        PRIMARY KEY (tenant_id, id)
      );
      CREATE UNIQUE INDEX provider_calls_of_turn ON provider_calls (tenant_id, turn_id, call) WHERE turn_id IS NOT NULL;
      CREATE INDEX provider_calls_by_time ON provider_calls (tenant_id, created_at);
      CREATE INDEX provider_calls_open ON provider_calls (created_at) WHERE settled_at IS NULL;

      ALTER TABLE turn_queues ADD COLUMN tier_pinned boolean NOT NULL DEFAULT false;

      INSERT INTO plans (id, name, tier, trial_days, limits) VALUES
        ('trial', 'Free trial', 0, 14, '{"bots": 3, "crawlers": 3, "files": 9, "actions": 3, "custom_domains": 0, "seats": 3, "api_keys": 5,
          "messages_per_month": 1000, "tokens_per_month": 2000000, "turns_at_once": 10, "open_sockets": 100, "requests_per_minute": 300,
          "visitor_messages_per_day": 200, "visitor_tokens_per_day": 400000, "visitor_turns_at_once": 3}'),
        ('basic', 'Basic', 10, NULL, '{"bots": 9, "crawlers": 9, "files": 27, "actions": 9, "custom_domains": 0, "seats": 9, "api_keys": 27,
          "messages_per_month": 10000, "tokens_per_month": 20000000, "turns_at_once": 50, "open_sockets": 1000, "requests_per_minute": 1200,
          "visitor_messages_per_day": 500, "visitor_tokens_per_day": 1000000, "visitor_turns_at_once": 3}'),
        ('pro', 'Pro', 20, NULL, '{"bots": 27, "crawlers": 27, "files": 81, "actions": 27, "custom_domains": 5, "seats": 27, "api_keys": 81,
          "messages_per_month": 100000, "tokens_per_month": 200000000, "turns_at_once": 200, "open_sockets": 10000, "requests_per_minute": 6000,
          "visitor_messages_per_day": 1000, "visitor_tokens_per_day": 2000000, "visitor_turns_at_once": 5}'),
        ('enterprise', 'Enterprise', 50, NULL, '{}');
    `);
    // The operator's command acts as the tenant; no route writes it.
    await protectTenantTable(runner, 'tenant_plans', { tenant: ['SELECT', 'INSERT', 'UPDATE'] });
    await protectTenantTable(runner, 'usage_counters', { tenant: ['SELECT', 'INSERT', 'UPDATE'] });
    await protectTenantTable(runner, 'provider_calls', {
      tenant: ['SELECT', 'INSERT', 'UPDATE'],
      system: ['tenant_id', 'id', 'turn_id', 'state', 'created_at', 'settled_at'],
    });
    // Plans of the first minutes look rows up by their own keys.
    await sayFewTenants(runner, ['usage_counters', 'provider_calls']);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
