import { Injectable, Logger } from '@nestjs/common';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import { type RoutedRow, RoutesRepository } from './routes.repository.ts';

/** How old a tenant's routes may be, in milliseconds. */
const freshMs = 3_000;

/** How long they go on serving while they cannot be read, in milliseconds. */
const staleMs = 600_000;

/** Tenants remembered at most; those that were asked for longest ago go first. */
const maxRemembered = 5_000;

/** A tenant's rows by the route's name, its own before the platform's. */
type RoutedRows = Map<string, RoutedRow[]>;

interface Remembered {
  rows: RoutedRows;
  readAt: number;
}

/** The routes that a tenant's bots can name, remembered for a moment: a busy tenant costs a query every few seconds. */
@Injectable()
export class RouteTable {
  private readonly logger = new Logger(RouteTable.name);
  private readonly remembered = new Map<string, Remembered>();
  private readonly reading = new Map<string, Promise<RoutedRows>>();

  constructor(
    private readonly database: TenantDatabase,
    private readonly routes: RoutesRepository,
  ) {}

  /** The targets of a route, the tenant's own or the platform's; undefined when there is none of this name. */
  async find(tenantId: string, name: string): Promise<RoutedRow[] | undefined> {
    return (await this.all(tenantId)).get(name);
  }

  /** The targets of every route, by name. */
  async all(tenantId: string): Promise<ReadonlyMap<string, RoutedRow[]>> {
    const known = this.remembered.get(tenantId);
    // Real time on purpose: how fresh a memory is does not depend on the business clock.
    if (known !== undefined && performance.now() - known.readAt < freshMs) return known.rows;
    try {
      return await this.read(tenantId);
    } catch (error) {
      if (known === undefined || performance.now() - known.readAt > staleMs) throw error;
      this.logger.warn({ error: safeError(error) }, 'routes could not be read again');
      return known.rows;
    }
  }

  /** The tenant has changed something: the next look reads it, here at once and elsewhere some seconds later. */
  forget(tenantId: string): void {
    this.remembered.delete(tenantId);
    this.reading.delete(tenantId);
  }

  /** One reading at a time for each tenant. */
  private read(tenantId: string): Promise<RoutedRows> {
    const running = this.reading.get(tenantId);
    if (running !== undefined) return running;
    const reading = this.database
      .atOnce(tenantId, (tx) => this.routes.routedFor(tx, tenantId))
      .then((rows) => {
        const byName: RoutedRows = new Map();
        for (const each of rows) {
          const same = byName.get(each.route);
          // The tenant's own come first: one of the platform's of the same name is hidden by it.
          if (same === undefined) byName.set(each.route, [each]);
          else if (same[0]?.platform === each.platform) same.push(each);
        }
        if (this.reading.get(tenantId) === reading) this.remember(tenantId, byName);
        return byName;
      })
      .finally(() => {
        if (this.reading.get(tenantId) === reading) this.reading.delete(tenantId);
      });
    this.reading.set(tenantId, reading);
    return reading;
  }

  private remember(tenantId: string, rows: RoutedRows): void {
    this.remembered.delete(tenantId);
    this.remembered.set(tenantId, { rows, readAt: performance.now() });
    if (this.remembered.size > maxRemembered) this.remembered.delete(this.remembered.keys().next().value as string);
  }
}
