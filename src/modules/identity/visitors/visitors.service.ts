import { Injectable, type OnModuleInit } from '@nestjs/common';
import { newUuid, publicId } from '../../../kernel/ids.ts';
import { CannotDecrypt, defineSealedTable, KeyChanges, KeyedHash, KeyRing, type Place, seal } from '../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { credentialMemoryMs } from '../access/credential-changes.ts';
import { RecentValues } from '../access/recent-values.ts';
import { identityErrors } from '../identity.errors.ts';
import { type FoundVisitor, VisitorsRepository } from './visitors.repository.ts';

/** An end user of a tenant. */
export interface Visitor {
  id: string;
  /** The tenant's own name for them, 1 to 200 characters. Personal: never stored or logged in clear. */
  externalId: string;
}

/** Longest external id, in characters. */
const maxExternalIdLength = 200;

/** The end users of tenants. What names them is encrypted under a key of their own and found by its keyed hash. */
@Injectable()
export class Visitors implements OnModuleInit {
  /** Short-lived, since a visitor may be erased or banned at any time, and word of it be lost. */
  private readonly recent = new RecentValues<{ tenantId: string; id: string }>({ maxEntries: 10_000, maxAgeMs: credentialMemoryMs });

  constructor(
    private readonly database: TenantDatabase,
    private readonly repository: VisitorsRepository,
    private readonly hash: KeyedHash,
    private readonly keyRing: KeyRing,
    private readonly keyChanges: KeyChanges,
  ) {}

  onModuleInit(): void {
    this.keyChanges.onErased((tenantId, subjectId) => this.forget(tenantId, subjectId));
  }

  /** Lets go of what is remembered of a visitor who was erased, or without one of all of a tenant's. */
  forget(tenantId: string, id: string | null): void {
    this.recent.forget((known) => known.tenantId === tenantId && (id === null || known.id === id));
  }

  /** Lets go of what is remembered of all for whom `matches` is true. */
  forgetThose(matches: (tenantId: string, id: string) => boolean): void {
    this.recent.forget((known) => matches(known.tenantId, known.id));
  }

  /** The visitor whom the tenant knows by `externalId`, made at first use; the same from any number of parallel calls. Throws 400 for its length, 403 `visitor_banned`. */
  async resolve(tenantId: string, externalId: string): Promise<Visitor> {
    if (externalId.length < 1 || externalId.length > maxExternalIdLength) throw identityErrors.externalIdLength();
    const hash = this.hash.of('visitor-id', tenantId, externalId);
    const found = await this.recent.get(`${tenantId}|${hash.toString('base64')}`, async () => ({
      tenantId,
      id: await this.findOrCreate(tenantId, newUuid(), externalId, hash),
    }));
    if (found === undefined) throw new Error('a visitor was not resolved');
    return { id: found.id, externalId };
  }

  /** Id of the visitor whom the tenant knows by `externalId`; undefined when there is none. */
  async find(tenantId: string, externalId: string): Promise<string | undefined> {
    const hash = this.hash.of('visitor-id', tenantId, externalId);
    return (await this.database.forTenant(tenantId, (tx) => this.repository.find(tx, tenantId, hash)))?.id;
  }

  /** A new visitor whom the tenant does not know: their external id is their own `vis_…` id. */
  async createAnonymous(tenantId: string): Promise<Visitor> {
    const id = newUuid();
    const externalId = publicId('visitor', id);
    await this.findOrCreate(tenantId, id, externalId, this.hash.of('visitor-id', tenantId, externalId));
    return { id, externalId };
  }

  /** The external ids of the tenant's visitors among `ids`. Missing and erased ones are left out. */
  async byId(tenantId: string, ids: string[]): Promise<Map<string, string>> {
    if (ids.length === 0) return new Map();
    const distinct = [...new Set(ids)];
    const found = await this.database.forTenant(tenantId, (tx) => this.repository.byIds(tx, tenantId, distinct));
    const sealed = found.map(({ id, externalId }) => ({ id, place: placeOf(tenantId, id), sealed: externalId }));
    const opened = await this.keyRing.openAll(sealed).catch((error: unknown) => {
      if (!(error instanceof CannotDecrypt)) throw error;
      // Some key has been erased: open the others one by one.
      return Promise.all(sealed.map(({ place, sealed: value }) => this.keyRing.open(place, value).catch(unlessErased)));
    });
    return new Map(sealed.flatMap(({ id }, index) => (opened[index] === undefined ? [] : [[id, opened[index].toString()]])));
  }

  /** True when the tenant has that visitor (still). */
  async exists(tenantId: string, id: string): Promise<boolean> {
    return (await this.database.forTenant(tenantId, (tx) => this.repository.byId(tx, tenantId, id))) !== undefined;
  }

  /** True when the tenant has that visitor (still) and lets them in. Throws 403 `visitor_banned`. */
  async isWelcome(tenantId: string, id: string): Promise<boolean> {
    const found = await this.database.forTenant(tenantId, (tx) => this.repository.byId(tx, tenantId, id));
    return found !== undefined && welcome(found) === id;
  }

  /** Replaces what the tenant says of a visitor: personal, sealed under the visitor's key. */
  async describe(tenantId: string, id: string, attributes: Readonly<Record<string, unknown>>): Promise<void> {
    const place = { ...placeOf(tenantId, id), column: 'attributes' };
    const sealed = seal(await this.keyRing.visitorKey(tenantId, id), place, JSON.stringify(attributes));
    await this.database.forTenant(tenantId, (tx) => this.repository.describe(tx, tenantId, id, sealed));
  }

  private async findOrCreate(tenantId: string, id: string, externalId: string, externalIdHash: Buffer): Promise<string> {
    const known = await this.database.atOnce(tenantId, (tx) => this.repository.find(tx, tenantId, externalIdHash));
    if (known !== undefined) return welcome(known);
    const sealed = seal(await this.keyRing.newVisitorKey(tenantId, id), placeOf(tenantId, id), externalId);
    const winner = await this.database.forTenant(tenantId, async (tx) => {
      if (await this.repository.insert(tx, tenantId, { id, externalIdHash, externalId: sealed })) return id;
      return (await this.repository.find(tx, tenantId, externalIdHash))?.id;
    });
    if (winner === undefined) throw new Error('a visitor was erased while it was resolved');
    // Somebody else was faster; the key made for this attempt opens nothing.
    if (winner !== id) await this.keyRing.eraseVisitorKey(tenantId, id);
    return winner;
  }
}

defineSealedTable({ table: 'visitors', columns: ['external_id', 'attributes'] });

function placeOf(tenantId: string, visitorId: string): Place {
  return { tenantId, table: 'visitors', column: 'external_id', rowId: visitorId };
}

function welcome({ id, banned }: FoundVisitor): string {
  if (banned) throw identityErrors.visitorBanned();
  return id;
}

function unlessErased(error: unknown): undefined {
  if (!(error instanceof CannotDecrypt)) throw error;
  return undefined;
}
