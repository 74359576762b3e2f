import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../platform/database/index.ts';

/** A bot as stored; `draft` and `metadata` are sealed. */
export interface BotRow {
  id: string;
  name: string;
  allowedOrigins: string[];
  draft: Buffer;
  metadata: Buffer | null;
  publishedNumber: number | null;
  createdAt: Date;
  updatedAt: Date;
}

/** A published version as stored; `settings` is sealed. */
export interface BotVersionRow {
  id: string;
  botId: string;
  number: number;
  settings: Buffer;
  createdAt: Date;
}

/** What chat needs of a bot: its published version. */
export interface PublishedRow {
  allowedOrigins: string[];
  versionId: string;
  settings: Buffer;
}

const columns = `b.id, b.name, b.allowed_origins AS "allowedOrigins", b.draft, b.metadata, v.number AS "publishedNumber",
  b.created_at AS "createdAt", b.updated_at AS "updatedAt"`;
const joined = 'bots b LEFT JOIN bot_versions v ON v.tenant_id = b.tenant_id AND v.id = b.published_version_id';
const versionColumns = 'id, bot_id AS "botId", number, settings, created_at AS "createdAt"';

/** Bots and their versions in Postgres. */
@Injectable()
export class BotsRepository {
  async insert(
    tx: Transaction,
    tenantId: string,
    bot: { id: string; name: string; allowedOrigins: string[]; draft: Buffer; metadata: Buffer },
  ) {
    await changed(tx, 'INSERT INTO bots (tenant_id, id, name, allowed_origins, draft, metadata) VALUES ($1, $2, $3, $4, $5, $6)', [
      tenantId,
      bot.id,
      bot.name,
      bot.allowedOrigins,
      bot.draft,
      bot.metadata,
    ]);
  }

  /** How many bots the tenant has. */
  async count(tx: Transaction, tenantId: string): Promise<number> {
    return (await row<{ count: number }>(tx, 'SELECT count(*)::int AS count FROM bots WHERE tenant_id = $1', [tenantId]))?.count ?? 0;
  }

  byId(tx: Transaction, tenantId: string, id: string): Promise<BotRow | undefined> {
    return row<BotRow>(tx, `SELECT ${columns} FROM ${joined} WHERE b.tenant_id = $1 AND b.id = $2`, [tenantId, id]);
  }

  /** The bot, locked until the end of the transaction. */
  byIdForUpdate(tx: Transaction, tenantId: string, id: string): Promise<BotRow | undefined> {
    return row<BotRow>(tx, `SELECT ${columns} FROM ${joined} WHERE b.tenant_id = $1 AND b.id = $2 FOR UPDATE OF b`, [tenantId, id]);
  }

  /** Newest first, after the bot `after`. */
  page(tx: Transaction, tenantId: string, limit: number, after: string | undefined): Promise<BotRow[]> {
    return rows<BotRow>(
      tx,
      `SELECT ${columns} FROM ${joined} WHERE b.tenant_id = $1 AND ($3::uuid IS NULL OR b.id < $3::uuid) ORDER BY b.id DESC LIMIT $2`,
      [tenantId, limit, after ?? null],
    );
  }

  async update(
    tx: Transaction,
    tenantId: string,
    bot: { id: string; name: string; allowedOrigins: string[]; draft: Buffer; metadata: Buffer },
  ) {
    await changed(
      tx,
      `UPDATE bots SET name = $3, allowed_origins = $4, draft = $5, metadata = $6, updated_at = now() WHERE tenant_id = $1 AND id = $2`,
      [tenantId, bot.id, bot.name, bot.allowedOrigins, bot.draft, bot.metadata],
    );
  }

  /** Deletes a bot with its versions, conversations and keys; false when there is none. */
  async delete(tx: Transaction, tenantId: string, id: string): Promise<boolean> {
    return (await changed(tx, 'DELETE FROM bots WHERE tenant_id = $1 AND id = $2', [tenantId, id])) > 0;
  }

  /** Adds the next version and makes it the published one; gives its number. The bot must be locked. */
  async publish(tx: Transaction, tenantId: string, version: { id: string; botId: string; settings: Buffer }): Promise<BotVersionRow> {
    const added = await row<BotVersionRow>(
      tx,
      `INSERT INTO bot_versions (tenant_id, id, bot_id, number, settings)
       SELECT $1, $2, $3, coalesce(max(number), 0) + 1, $4 FROM bot_versions WHERE tenant_id = $1 AND bot_id = $3
       RETURNING ${versionColumns}`,
      [tenantId, version.id, version.botId, version.settings],
    );
    await changed(tx, 'UPDATE bots SET published_version_id = $3, updated_at = now() WHERE tenant_id = $1 AND id = $2', [
      tenantId,
      version.botId,
      version.id,
    ]);
    if (added === undefined) throw new Error('no version was added');
    return added;
  }

  /** Newest first, after the version `after`. */
  versions(tx: Transaction, tenantId: string, botId: string, limit: number, after: string | undefined): Promise<BotVersionRow[]> {
    return rows<BotVersionRow>(
      tx,
      `SELECT ${versionColumns} FROM bot_versions WHERE tenant_id = $1 AND bot_id = $2 AND ($4::uuid IS NULL OR id < $4::uuid)
       ORDER BY id DESC LIMIT $3`,
      [tenantId, botId, limit, after ?? null],
    );
  }

  /** What answers for a bot right now. */
  published(tx: Transaction, tenantId: string, botId: string): Promise<PublishedRow | undefined> {
    return row<PublishedRow>(
      tx,
      `SELECT b.allowed_origins AS "allowedOrigins", v.id AS "versionId", v.settings FROM bots b
       JOIN bot_versions v ON v.tenant_id = b.tenant_id AND v.id = b.published_version_id
       WHERE b.tenant_id = $1 AND b.id = $2`,
      [tenantId, botId],
    );
  }
}
