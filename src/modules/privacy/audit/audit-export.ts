import { Injectable } from '@nestjs/common';
import { currentDate } from '../../../kernel/clock.ts';
import { publicId } from '../../../kernel/ids.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../platform/audit/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { Statements } from '../../identity/index.ts';
import { AuditEventsRepository, type ChainPlace } from './audit-events.repository.ts';
import { lineOf } from './audit-export-format.ts';
import { auditErrors } from './audit.errors.ts';

/** Rows that are read at once, and so held in memory. */
const batch = 500;

/** The trail as a file that can be checked without this installation. */
@Injectable()
export class AuditExport {
  constructor(
    private readonly database: TenantDatabase,
    private readonly events: AuditEventsRepository,
    private readonly statements: Statements,
  ) {}

  /**
   * The lines of an export, from after row `after` or from where what is kept begins, to the head as it is now; read as fast as they
   * are taken. Throws 404 for a row that is not kept. The export is an act itself, and the last row of what it gives.
   */
  async lines(caller: Principal, after: number | undefined): Promise<AsyncGenerator<string>> {
    const { tenantId } = caller;
    await this.database.forTenant(tenantId, async (tx) => {
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'audit.export' });
    });
    const { from, to } = await this.database.forTenant(tenantId, async (tx) => {
      const start = await this.events.start(tx, tenantId);
      const asked = after === undefined || after === start.seq ? start : await this.events.at(tx, tenantId, after);
      if (asked === undefined) throw auditErrors.rowNotFound();
      return { from: asked, to: await this.events.head(tx, tenantId) };
    });
    return this.write(tenantId, from, to);
  }

  private async *write(tenantId: string, from: ChainPlace, to: ChainPlace): AsyncGenerator<string> {
    const tenant = publicId('tenant', tenantId);
    const keys = (await this.statements.publicKeys()).map((key) => ({ ...key, kid: key.kid ?? '' }));
    yield lineOf({ object: 'audit_export', version: 1, tenant, exported_at: currentDate().toISOString(), from: shown(from), keys });
    let last = from;
    while (last.seq < to.seq) {
      const before = last.seq;
      const rows = await this.database.forTenant(tenantId, (tx) => this.events.stretch(tx, tenantId, before, to.seq, batch));
      // A gap is no reason to stop here: the file shows it to whoever checks.
      if (rows.length === 0) break;
      yield rows
        .map(({ seq, previous, hash, facts }) =>
          lineOf({ object: 'audit_event', seq, ...facts, previous: previous.toString('hex'), hash: hash.toString('hex') }),
        )
        .join('');
      last = rows.at(-1) ?? to;
    }
    yield lineOf({ object: 'audit_head', head: await this.statements.sign('audit-head', tenantId, { from: shown(from), to: shown(to) }) });
  }
}

function shown({ seq, hash }: ChainPlace): { seq: number; hash: string } {
  return { seq, hash: hash.toString('hex') };
}
