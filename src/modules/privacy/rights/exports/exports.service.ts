import { Inject, Injectable } from '@nestjs/common';
import { commonErrors } from '../../../../kernel/app-error.ts';
import { newSecret, newUuid, publicId, uuidOf } from '../../../../kernel/ids.ts';
import type { Principal } from '../../../../kernel/principal.ts';
import { actorOf, type AuditEntry, auditTrail } from '../../../../platform/audit/index.ts';
import { CannotDecrypt, KeyedHash, seal } from '../../../../platform/crypto/index.ts';
import { brokenReferenceOf, TenantDatabase } from '../../../../platform/database/index.ts';
import { Outbox } from '../../../../platform/events/index.ts';
import { type HttpConfig, httpConfig, type PageQuery, publicUrlOf, toPage } from '../../../../platform/http/index.ts';
import type { DataSubject } from '../../../../platform/personal-data/index.ts';
import { privacyErrors } from '../../privacy.errors.ts';
import { Subjects } from '../subjects.ts';
import { exportPlace } from './export-keys.ts';
import { ExportStorage } from './export-storage.ts';
import { exportErrors } from './exports.errors.ts';
import { exportRequested } from './exports.events.ts';
import type { ExportRow } from './exports.repository.ts';
import type { ExportPerson } from './exports.schemas.ts';

/** Exports of a tenant at a time that have not expired. */
const mostKept = 20;
/** Random bytes of a password and of a link: not to be guessed, so that the few rounds of a ZIP's key derivation do no harm. */
const secretBytes = 24;

/** What people and tenants have a right to see: asked for, shown, taken away. */
@Injectable()
export class PersonalExports {
  constructor(
    private readonly database: TenantDatabase,
    private readonly outbox: Outbox,
    private readonly storage: ExportStorage,
    private readonly subjects: Subjects,
    private readonly hash: KeyedHash,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
  ) {}

  /**
   * Takes a wish down; a job makes the archive at once. Only this answer has the password. Throws 403 for a whole tenant without
   * `tenant.export`, 404 for a person who is not there, 409 `erasure_under_way` and `too_many_exports`, 410 `erased`.
   */
  async request(caller: Principal, body: ExportPerson) {
    const { tenantId } = caller;
    const people = await this.people(caller, body);
    const [password, token, id] = [newSecret(secretBytes), newSecret(secretBytes), newUuid()];
    const owned = {
      id,
      kind: people?.[0]?.kind ?? ('tenant' as const),
      visitorId: people?.find(({ kind }) => kind === 'visitor')?.id ?? null,
      userId: people?.find(({ kind }) => kind === 'user')?.id ?? null,
    };
    const key = await this.storage.keys.key(tenantId, owned);
    const made = {
      ...owned,
      password: seal(key, exportPlace(tenantId, 'password', id), password),
      linkToken: seal(key, exportPlace(tenantId, 'link_token', id), token),
      linkHash: this.hash.of('export-link', id, token),
    };
    const stored = await this.database
      .forTenant(tenantId, async (tx) => {
        const { exports } = this.storage;
        const ids = people?.map((person) => person.id);
        if (await exports.anyBeingErased(tx, tenantId, ids)) throw exportErrors.erasureUnderWay();
        if ((await exports.kept(tx, tenantId)) >= mostKept) throw exportErrors.tooMany(mostKept);
        const inserted = await exports.insert(tx, tenantId, made);
        await this.outbox.publish(tx, exportRequested, { tenantId, exportId: id });
        const detail = { stage: 'requested', export: publicId('personalExport', id) };
        auditTrail.record(tx, tenantId, { ...auditedObject(tenantId, made), actor: actorOf(caller), detail });
        return inserted;
      })
      .catch((error: unknown) => {
        // Erased a moment ago.
        throw brokenReferenceOf(error) === undefined ? error : privacyErrors.visitorNotFound();
      });
    return { ...(await this.present(tenantId, stored)), password };
  }

  /** A page of exports, newest first. Those of the whole tenant are shown to those alone who may make them. */
  async list(caller: Principal, { limit, after }: PageQuery) {
    const { tenantId } = caller;
    const query = { limit: limit + 1, after: after === undefined ? undefined : exportUuid(after), wholeTenant: mayExportAll(caller) };
    const stored = await this.database.forTenant(tenantId, (tx) => this.storage.exports.page(tx, tenantId, query));
    const shown = await Promise.all(stored.map((each) => this.present(tenantId, each)));
    return toPage(shown, limit, (each) => each);
  }

  /** One export. Throws 404. */
  async get(caller: Principal, id: string) {
    return this.present(caller.tenantId, await this.visible(caller, id));
  }

  /** Takes an export away, archive and all, also while it is made. Throws 404. */
  async remove(caller: Principal, id: string): Promise<void> {
    const { tenantId } = caller;
    const found = await this.visible(caller, id);
    await this.database.forTenant(tenantId, async (tx) => {
      const detail = { stage: 'deleted', export: publicId('personalExport', found.id) };
      auditTrail.record(tx, tenantId, { ...auditedObject(tenantId, found), actor: actorOf(caller), detail });
    });
    await this.storage.removal.remove(tenantId, found);
  }

  private async people(caller: Principal, body: ExportPerson) {
    if (!('scope' in body)) return this.subjects.alsoKnownAs(await this.subjects.person(caller.tenantId, body));
    if (!mayExportAll(caller)) throw commonErrors.forbidden();
    return undefined;
  }

  private async visible(caller: Principal, id: string): Promise<ExportRow> {
    const uuid = exportUuid(id);
    const found = await this.database.forTenant(caller.tenantId, (tx) => this.storage.exports.byId(tx, caller.tenantId, uuid));
    if (found === undefined || (found.kind === 'tenant' && !mayExportAll(caller))) throw exportErrors.notFound();
    return found;
  }

  private async present(tenantId: string, stored: ExportRow) {
    const id = publicId('personalExport', stored.id);
    const token = stored.state === 'done' ? await this.tokenOf(tenantId, stored) : undefined;
    return {
      object: 'personal_export' as const,
      id,
      subject: subjectOf(tenantId, stored),
      state: stored.state,
      progress: { records: stored.records, bytes: stored.bytes },
      error_code: stored.errorCode,
      download_url: token === undefined ? null : `${publicUrlOf(this.http)}/v1/privacy/exports/${id}/archive?token=${token}`,
      created_at: stored.createdAt.toISOString(),
      finished_at: stored.finishedAt?.toISOString() ?? null,
      expires_at: stored.expiresAt?.toISOString() ?? null,
    };
  }

  /** Undefined for whoever is being erased: there is nothing to fetch any more. */
  private async tokenOf(tenantId: string, { id, linkToken }: ExportRow): Promise<string | undefined> {
    if (linkToken === null) return undefined;
    try {
      return (await this.storage.keys.open(exportPlace(tenantId, 'link_token', id), linkToken)).toString();
    } catch (error) {
      if (!(error instanceof CannotDecrypt)) throw error;
      return undefined;
    }
  }
}

/** Whose export it is, by public id. */
export function subjectOf(tenantId: string, owned: Pick<ExportRow, 'kind' | 'visitorId' | 'userId'>) {
  const { kind, id } = ownerOf(tenantId, owned);
  return { kind, id: publicId(kind, id) };
}

/** Act and object of an entry in the audit trail about an export. */
export function auditedObject(
  tenantId: string,
  owned: Pick<ExportRow, 'kind' | 'visitorId' | 'userId'>,
): Required<Pick<AuditEntry, 'action' | 'object'>> {
  const object = ownerOf(tenantId, owned);
  return { action: object.kind === 'tenant' ? 'tenant.export' : 'person.export', object };
}

function ownerOf(
  tenantId: string,
  { kind, visitorId, userId }: Pick<ExportRow, 'kind' | 'visitorId' | 'userId'>,
): Pick<DataSubject, 'kind' | 'id'> {
  return { kind, id: (kind === 'user' ? userId : visitorId) ?? tenantId };
}

function mayExportAll({ permissions }: Principal): boolean {
  return permissions.has('tenant.export');
}

/** The UUID of an export. Throws 404 for what is no id of one. */
export function exportUuid(id: string): string {
  const uuid = uuidOf('personalExport', id);
  if (uuid === undefined) throw exportErrors.notFound();
  return uuid;
}
