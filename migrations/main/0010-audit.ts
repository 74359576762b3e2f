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
        previous_hash bytea NOT NULL,
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
    await runner.query(pruning);
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

/**
 * The one way to delete rows: the oldest ones of a chain, older than 30 days, with the owner's rights and for the system role alone. What is left
 * goes on from a checkpoint. The policies let an owner in who is no superuser, within the tenant.
 */
const pruning = `
  CREATE POLICY keeping ON audit_events TO CURRENT_USER USING (tenant_id = current_setting('app.tenant')::uuid)
    WITH CHECK (tenant_id = current_setting('app.tenant')::uuid);
  CREATE POLICY keeping ON audit_checkpoints TO CURRENT_USER USING (tenant_id = current_setting('app.tenant')::uuid)
    WITH CHECK (tenant_id = current_setting('app.tenant')::uuid);
  CREATE FUNCTION audit_prune(of_tenant uuid, before timestamptz, most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public SET "app.tenant" = '' AS $$
  DECLARE
    first bigint;
    last bigint;
    removed integer;
  BEGIN
    IF before > now() - interval '30 days' THEN
      RAISE EXCEPTION 'rows of an audit chain stay for 30 days' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM set_config('app.tenant', of_tenant::text, true);
    SELECT min(seq) INTO first FROM audit_events WHERE tenant_id = of_tenant;
    -- Up to the first row that is young enough: a chain is cut in one place only.
    SELECT coalesce(min(seq) FILTER (WHERE at >= before) - 1, max(seq)) INTO last FROM audit_events
      WHERE tenant_id = of_tenant AND seq < first + greatest(most, 0) + 1;
    last := least(last, first + greatest(most, 0) - 1);
    IF last IS NULL OR last < first THEN RETURN 0; END IF;
    INSERT INTO audit_checkpoints AS c (tenant_id, seq, checkpoint_hash, pruned_at)
      SELECT tenant_id, seq, row_hash, now() FROM audit_events WHERE tenant_id = of_tenant AND seq = last
      ON CONFLICT (tenant_id) DO UPDATE SET seq = excluded.seq, checkpoint_hash = excluded.checkpoint_hash, pruned_at = excluded.pruned_at;
    DELETE FROM audit_events WHERE tenant_id = of_tenant AND seq <= last;
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
  END $$;
  REVOKE ALL ON FUNCTION audit_prune FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION audit_prune TO parley_system;
`;
