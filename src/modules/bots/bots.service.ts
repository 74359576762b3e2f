import { Injectable, type OnModuleInit } from '@nestjs/common';
import { newUuid, publicId, uuidOf } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import { type ActingFor, actorOf, type AuditAction, type AuditDetail, auditTrail } from '../../platform/audit/index.ts';
import { type ContentKey, defineSealedTable, KeyRing, type Place, seal } from '../../platform/crypto/index.ts';
import { TenantDatabase, type Transaction } from '../../platform/database/index.ts';
import { type PageQuery, toPage } from '../../platform/http/index.ts';
import { CountedThings } from '../plans/index.ts';
import { legalHolds } from '../privacy/index.ts';
import { botErrors } from './bots.errors.ts';
import { type BotRow, BotsRepository, type BotVersionRow } from './bots.repository.ts';
import type { BotSettings, CreateBot, UpdateBot } from './bots.schemas.ts';

/** Bots of a tenant: a draft that can be changed, and published versions that cannot. */
@Injectable()
export class BotsService implements OnModuleInit {
  constructor(
    private readonly database: TenantDatabase,
    private readonly keyRing: KeyRing,
    private readonly bots: BotsRepository,
    private readonly counted: CountedThings,
  ) {}

  onModuleInit(): void {
    this.counted.register('bots', (tx, tenantId) => this.bots.count(tx, tenantId));
  }

  /** Creates a bot and publishes its first version, so that it answers at once. Throws 429 when the tenant has as many as it may. */
  async create(caller: Principal | ActingFor, body: CreateBot) {
    const { tenantId } = caller;
    const id = newUuid();
    const key = await this.keyRing.tenantKey(tenantId);
    const settings = settingsOf(body);
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      await this.counted.take(tx, tenantId, 'bots');
      await this.bots.insert(tx, tenantId, {
        ...sealBot(key, id, settings, body.metadata),
        id,
        name: body.name,
        allowedOrigins: body.allowed_origins,
      });
      await this.bots.publish(tx, tenantId, sealVersion(key, id, settings));
      record(tx, caller, 'bot.create', id);
      return this.bots.byId(tx, tenantId, id);
    });
    return this.present(tenantId, found(stored));
  }

  /** One bot. Throws 404. */
  async get({ tenantId }: Principal, id: string) {
    const botId = botUuid(id);
    return this.present(tenantId, found(await this.database.forTenant(tenantId, (tx) => this.bots.byId(tx, tenantId, botId))));
  }

  /** A page of bots, newest first. */
  async list({ tenantId }: Principal, query: PageQuery) {
    const after = query.after === undefined ? undefined : botUuid(query.after);
    const stored = await this.database.forTenant(tenantId, (tx) => this.bots.page(tx, tenantId, query.limit + 1, after));
    const shown = await Promise.all(stored.map((bot) => this.present(tenantId, bot)));
    return toPage(shown, query.limit, (bot) => bot);
  }

  /** All bots, newest first, for callers that know no pages; at most a thousand. */
  async all(caller: Principal) {
    const all: Awaited<ReturnType<BotsService['list']>>['data'] = [];
    let after: string | undefined;
    do {
      const page = await this.list(caller, { limit: 100, after });
      all.push(...page.data);
      after = page.next_cursor ?? undefined;
    } while (after !== undefined && all.length < 1_000);
    return all;
  }

  /** Changes the draft; what is published stays until `publish`. Name and origins count at once. Throws 404. */
  async update(caller: Principal, id: string, body: UpdateBot) {
    const { tenantId } = caller;
    const botId = botUuid(id);
    const key = await this.keyRing.tenantKey(tenantId);
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      const bot = found(await this.bots.byIdForUpdate(tx, tenantId, botId));
      const draft = await this.openSettings(draftPlace(tenantId, botId), bot.draft);
      const metadata = body.metadata === undefined ? await this.openMetadata(tenantId, bot) : (body.metadata ?? {});
      await this.bots.update(tx, tenantId, {
        ...sealBot(key, botId, changedSettings(draft, body), metadata),
        id: botId,
        name: body.name ?? bot.name,
        allowedOrigins: body.allowed_origins === undefined ? bot.allowedOrigins : (body.allowed_origins ?? []),
      });
      record(tx, caller, 'bot.update', botId, { fields: Object.keys(body) });
      return this.bots.byId(tx, tenantId, botId);
    });
    return this.present(tenantId, found(stored));
  }

  /** Deletes a bot with everything that hangs on it. Throws 404, and 409 `legal_hold`. */
  async delete(caller: Principal, id: string): Promise<void> {
    const { tenantId } = caller;
    const botId = botUuid(id);
    await this.database.forTenant(tenantId, async (tx) => {
      await legalHolds.requireBotFree(tx, tenantId, botId);
      if (!(await this.bots.delete(tx, tenantId, botId))) throw botErrors.notFound();
      record(tx, caller, 'bot.delete', botId);
    });
  }

  /** Makes the draft the next published version. Throws 404. */
  async publish(caller: Principal, id: string) {
    const { tenantId } = caller;
    const botId = botUuid(id);
    const key = await this.keyRing.tenantKey(tenantId);
    const version = await this.database.forTenant(tenantId, async (tx) => {
      const bot = found(await this.bots.byIdForUpdate(tx, tenantId, botId));
      const settings = await this.openSettings(draftPlace(tenantId, botId), bot.draft);
      const added = await this.bots.publish(tx, tenantId, sealVersion(key, botId, settings));
      record(tx, caller, 'bot.publish', botId, { number: added.number });
      return added;
    });
    return this.presentVersion(tenantId, version);
  }

  /** A page of published versions, newest first. Throws 404. */
  async versions({ tenantId }: Principal, id: string, query: PageQuery) {
    const botId = botUuid(id);
    const after = query.after === undefined ? undefined : (uuidOf('botVersion', query.after) ?? botUuid(query.after));
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      found(await this.bots.byId(tx, tenantId, botId));
      return this.bots.versions(tx, tenantId, botId, query.limit + 1, after);
    });
    const shown = await Promise.all(stored.map((version) => this.presentVersion(tenantId, version)));
    return toPage(shown, query.limit, (version) => version);
  }

  private async present(tenantId: string, bot: BotRow) {
    const draft = await this.openSettings(draftPlace(tenantId, bot.id), bot.draft);
    return {
      object: 'bot' as const,
      id: publicId('bot', bot.id),
      name: bot.name,
      ...presentSettings(draft),
      allowed_origins: bot.allowedOrigins,
      metadata: await this.openMetadata(tenantId, bot),
      published_version: bot.publishedNumber,
      created_at: bot.createdAt.toISOString(),
      updated_at: bot.updatedAt.toISOString(),
    };
  }

  private async presentVersion(tenantId: string, version: BotVersionRow) {
    const settings = await this.openSettings(versionPlace(tenantId, version.id), version.settings);
    return {
      object: 'bot_version' as const,
      id: publicId('botVersion', version.id),
      bot_id: publicId('bot', version.botId),
      number: version.number,
      ...presentSettings(settings),
      created_at: version.createdAt.toISOString(),
    };
  }

  private async openSettings(place: Place, sealed: Buffer): Promise<BotSettings> {
    return JSON.parse((await this.keyRing.open(place, sealed)).toString()) as BotSettings;
  }

  private async openMetadata(tenantId: string, bot: BotRow): Promise<Record<string, string>> {
    if (bot.metadata === null) return {};
    return JSON.parse((await this.keyRing.open(metadataPlace(tenantId, bot.id), bot.metadata)).toString()) as Record<string, string>;
  }
}

defineSealedTable({ table: 'bots', columns: ['draft', 'metadata'] });
defineSealedTable({ table: 'bot_versions', columns: ['settings'] });

/** Where a version's settings are stored. */
export function versionPlace(tenantId: string, rowId: string): Place {
  return { tenantId, table: 'bot_versions', column: 'settings', rowId };
}

function draftPlace(tenantId: string, rowId: string): Place {
  return { tenantId, table: 'bots', column: 'draft', rowId };
}

function metadataPlace(tenantId: string, rowId: string): Place {
  return { tenantId, table: 'bots', column: 'metadata', rowId };
}

function sealBot(key: ContentKey, id: string, settings: BotSettings, metadata: Record<string, string>) {
  return {
    draft: seal(key, draftPlace(key.tenantId, id), JSON.stringify(settings)),
    metadata: seal(key, metadataPlace(key.tenantId, id), JSON.stringify(metadata)),
  };
}

function sealVersion(key: ContentKey, botId: string, settings: BotSettings) {
  const id = newUuid();
  return { id, botId, settings: seal(key, versionPlace(key.tenantId, id), JSON.stringify(settings)) };
}

function settingsOf(body: CreateBot): BotSettings {
  return presentSettings(body);
}

function presentSettings(settings: BotSettings): BotSettings {
  const { instructions, greeting, model, temperature, top_p, max_output_tokens, skills, privacy, injection, enforce_identity } = settings;
  // Settings that are older than the policies have none.
  return {
    instructions,
    greeting,
    model,
    temperature,
    top_p,
    max_output_tokens,
    skills,
    privacy: privacy ?? null,
    injection: injection ?? null,
    enforce_identity: enforce_identity ?? false,
  };
}

function changedSettings(draft: BotSettings, body: UpdateBot): BotSettings {
  const changes = Object.fromEntries(
    Object.entries({
      instructions: body.instructions === null ? '' : body.instructions,
      greeting: body.greeting,
      model: body.model,
      temperature: body.temperature,
      top_p: body.top_p,
      max_output_tokens: body.max_output_tokens,
      skills: body.skills === null ? [] : body.skills,
      privacy: body.privacy,
      injection: body.injection,
      enforce_identity: body.enforce_identity,
    }).filter(([, value]) => value !== undefined),
  );
  return { ...draft, ...changes };
}

function record(tx: Transaction, caller: Principal | ActingFor, action: AuditAction, id: string, detail: AuditDetail = {}): void {
  auditTrail.record(tx, caller.tenantId, { actor: actorOf(caller), action, object: { kind: 'bot', id }, detail });
}

function botUuid(id: string): string {
  const uuid = uuidOf('bot', id);
  if (uuid === undefined) throw botErrors.notFound();
  return uuid;
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw botErrors.notFound();
  return value;
}
