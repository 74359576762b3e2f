import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sayFewTenants } from '../first-statistics.ts';
import { protectTenantTable } from '../row-level-security.ts';

/**
 * Who did what, as a chain of hashes per tenant that runtime roles can only add to. No reference to `tenants`: the record outlives
 * its tenant, and the check of a reference would take one more lock while the head of the chain is held.
 */
export class Audit1763700000010 implements MigrationInterface {
  name = 'Audit1763700000010';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE audit_events (
        tenant_id uuid NOT NULL,
        seq bigint NOT NULL CHECK (seq > 0),
        version smallint NOT NULL,
        at timestamptz(3) NOT NULL,
        actor_kind text NOT NULL,
        actor_id text,
        action text NOT NULL,
        object_kind text,
        object_id text,
        outcome text NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
        network text,
        address_hash bytea,
        request_id text,
        detail jsonb,
        row_hash bytea NOT NULL,
        PRIMARY KEY (tenant_id, seq)
      );
      CREATE INDEX audit_events_time ON audit_events (tenant_id, at);

      CREATE TABLE audit_heads (
        tenant_id uuid PRIMARY KEY,
        seq bigint NOT NULL,
        head_hash bytea NOT NULL
      ) WITH (fillfactor = 50);

      CREATE TABLE audit_checkpoints (
        tenant_id uuid PRIMARY KEY,
        seq bigint NOT NULL,
        checkpoint_hash bytea NOT NULL,
        pruned_at timestamptz NOT NULL
      );
    `);
    await protectTenantTable(runner, 'audit_events', { tenant: ['SELECT', 'INSERT'] });
    await protectTenantTable(runner, 'audit_heads', { tenant: ['SELECT', 'INSERT', 'UPDATE'] });
    await protectTenantTable(runner, 'audit_checkpoints', { tenant: ['SELECT'] });
    await sayFewTenants(runner, ['audit_events', 'audit_heads', 'audit_checkpoints']);
    await runner.query(headsMoveForward);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}

/** A head may only go on to a row that is there: nobody at run time can set it back, or to something else. */
const headsMoveForward = `
  CREATE FUNCTION audit_head_moves_forward() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF (NEW.seq, NEW.head_hash) IS NOT DISTINCT FROM (OLD.seq, OLD.head_hash) THEN RETURN NEW; END IF;
    IF NEW.seq > OLD.seq AND EXISTS (
      SELECT 1 FROM audit_events e WHERE e.tenant_id = NEW.tenant_id AND e.seq = NEW.seq AND e.row_hash = NEW.head_hash
    ) THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'the head of an audit chain moves forward, to a row of it' USING ERRCODE = 'insufficient_privilege';
  END $$;
  CREATE TRIGGER audit_head_moves_forward BEFORE UPDATE ON audit_heads FOR EACH ROW EXECUTE FUNCTION audit_head_moves_forward();
`;
