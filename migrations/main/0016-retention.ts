import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sayFewTenants } from '../first-statistics.ts';
import { protectTenantTable } from '../row-level-security.ts';

/**
 * How long a tenant keeps what, what must be kept all the same, what visitors have consented to, and which providers are covered by an
 * agreement. Days are null where something is kept for ever.
 */
export class Retention1763700000016 implements MigrationInterface {
  name = 'Retention1763700000016';

  async up(runner: QueryRunner): Promise<void> {
    // Chat must not queue up behind a lock that is not to be had: rather fail, and be tried again.
    await runner.query(`SET LOCAL lock_timeout = '2s'`);
    await runner.query(`
      CREATE TABLE tenant_privacy (
        tenant_id uuid PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
        mode text CHECK (mode IN ('standard', 'strict')),
        messages_days integer CHECK (messages_days > 0),
        conversations_days integer CHECK (conversations_days > 0),
        usage_days integer CHECK (usage_days > 0),
        audit_days integer CHECK (audit_days >= 30),
        swept_at timestamptz,
        updated_at timestamptz NOT NULL DEFAULT now()
      );

      CREATE TABLE bot_retention (
        tenant_id uuid NOT NULL,
        bot_id uuid NOT NULL,
        messages_days integer CHECK (messages_days > 0),
        conversations_days integer CHECK (conversations_days > 0),
        usage_days integer CHECK (usage_days > 0),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, bot_id),
        FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
      );

      CREATE TABLE legal_holds (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        kind text NOT NULL CHECK (kind IN ('tenant', 'bot', 'visitor', 'conversation')),
        object_id uuid NOT NULL,
        reason_code text NOT NULL,
        placed_by text NOT NULL,
        placed_at timestamptz NOT NULL DEFAULT now(),
        ends_at timestamptz,
        lifted_at timestamptz,
        PRIMARY KEY (tenant_id, id)
      );
      CREATE INDEX legal_holds_in_force ON legal_holds (tenant_id, object_id) WHERE lifted_at IS NULL;

      CREATE TABLE visitor_consents (
        tenant_id uuid NOT NULL,
        id uuid NOT NULL,
        visitor_id uuid NOT NULL,
        purpose text NOT NULL,
        given boolean NOT NULL,
        source text NOT NULL,
        evidence bytea,
        decided_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, visitor_id, purpose),
        FOREIGN KEY (tenant_id, visitor_id) REFERENCES visitors (tenant_id, id) ON DELETE CASCADE
      );

      ALTER TABLE model_credentials ADD COLUMN covered boolean NOT NULL DEFAULT false;
      ALTER TABLE platform_model_credentials ADD COLUMN covered boolean NOT NULL DEFAULT false;
      GRANT SELECT (covered) ON platform_model_credentials TO parley_system;

      GRANT DELETE ON provider_calls, usage_counters TO parley_tenant;
    `);
    await protectTenantTable(runner, 'tenant_privacy', { tenant: ['SELECT', 'INSERT', 'UPDATE'], system: ['tenant_id', 'swept_at'] });
    await protectTenantTable(runner, 'bot_retention', {});
    // A hold that was lifted stays to be shown.
    await protectTenantTable(runner, 'legal_holds', { tenant: ['SELECT', 'INSERT', 'UPDATE'] });
    await protectTenantTable(runner, 'visitor_consents', {});
    await sayFewTenants(runner, ['tenant_privacy', 'bot_retention', 'legal_holds', 'visitor_consents']);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
