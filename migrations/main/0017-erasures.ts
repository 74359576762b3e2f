import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sayFewTenants } from '../first-statistics.ts';
import { protectTenantTable } from '../row-level-security.ts';

/**
 * What was asked to be erased, how far it is, and the receipt. A receipt stays when everything else of the person is gone: it names
 * them by an id of ours alone. Hidden values of a text can belong to a visitor, and go with them.
 */
export class Erasures1763700000017 implements MigrationInterface {
  name = 'Erasures1763700000017';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL lock_timeout = '2s';
      CREATE TABLE erasures (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        kind text NOT NULL CHECK (kind IN ('visitor', 'user')),
        subject_id uuid NOT NULL,
        state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done')),
        requested_by text NOT NULL,
        deleted jsonb NOT NULL DEFAULT '{}',
        receipt text,
        created_at timestamptz NOT NULL DEFAULT now(),
        finished_at timestamptz,
        PRIMARY KEY (tenant_id, id)
      );
      -- One at a time for a person; whoever asks again meanwhile gets the same.
      CREATE UNIQUE INDEX erasures_unfinished ON erasures (tenant_id, subject_id) WHERE state <> 'done';

      ALTER TABLE privacy_mappings ADD COLUMN visitor_id uuid,
        ADD FOREIGN KEY (tenant_id, visitor_id) REFERENCES visitors (tenant_id, id) ON DELETE CASCADE;
      CREATE INDEX privacy_mappings_visitor ON privacy_mappings (tenant_id, visitor_id) WHERE visitor_id IS NOT NULL;

      -- Whether the visitor of a ticket is still there.
      CREATE POLICY system_read ON visitors FOR SELECT TO parley_system USING (true);
      GRANT SELECT (tenant_id, id) ON visitors TO parley_system;

      -- Of users without any membership left, and of those who leave their last.
      GRANT DELETE ON users TO parley_system;
      GRANT DELETE ON tenants TO parley_tenant;
    `);
    await protectTenantTable(runner, 'erasures', {
      tenant: ['SELECT', 'INSERT', 'UPDATE'],
      system: ['tenant_id', 'id', 'kind', 'subject_id', 'state'],
    });
    await sayFewTenants(runner, ['erasures']);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
