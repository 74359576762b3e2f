import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../platform/database/index.ts';

/** A conversation as stored; `title` and `metadata` are sealed. */
export interface ConversationRow {
  id: string;
  botId: string;
  visitorId: string;
  title: Buffer | null;
  metadata: Buffer | null;
  createdAt: Date;
  updatedAt: Date;
}

/** A conversation that is locked until the end of the transaction, with two positions set aside for its next messages. */
export interface LockedConversation {
  id: string;
  botId: string;
  visitorId: string;
  position: number;
}

/** The turns of a conversation that was deleted. */
export interface DeletedTurns {
  turnIds: string[];
  /** Those for which no model was called yet. */
  unbegunTurnIds: string[];
}

/** Which conversation a visitor means: one that exists, or the one that the client's own id names. */
export type ConversationName = { kind: 'id'; id: string } | { kind: 'client'; clientKey: Buffer; newId: string };

const columns = 'id, bot_id AS "botId", visitor_id AS "visitorId", title, metadata, created_at AS "createdAt", updated_at AS "updatedAt"';
const locked = 'id, bot_id AS "botId", visitor_id AS "visitorId", next_position - 2 AS position';

const lockById = `UPDATE conversations SET next_position = next_position + 2, updated_at = now()
  WHERE tenant_id = $1 AND id = $2 AND visitor_id = $3 AND bot_id = $4 RETURNING ${locked}`;
const lockByClientKey = `INSERT INTO conversations (tenant_id, id, bot_id, visitor_id, client_key, next_position) VALUES ($1, $2, $3, $4, $5, 2)
  ON CONFLICT (tenant_id, visitor_id, bot_id, client_key) WHERE client_key IS NOT NULL
  DO UPDATE SET next_position = conversations.next_position + 2, updated_at = now() RETURNING ${locked}`;

/** Conversations in Postgres. */
@Injectable()
export class ConversationsRepository {
  /**
   * Locks the visitor's conversation, making it at first use of a client's id, and sets two message positions aside.
   * Undefined when there is no such conversation of this visitor with this bot.
   */
  lock(
    tx: Transaction,
    tenantId: string,
    owner: { visitorId: string; botId: string },
    name: ConversationName,
  ): Promise<LockedConversation | undefined> {
    if (name.kind === 'id') {
      return row<LockedConversation>(tx, lockById, [tenantId, name.id, owner.visitorId, owner.botId]);
    }
    return row<LockedConversation>(tx, lockByClientKey, [tenantId, name.newId, owner.botId, owner.visitorId, name.clientKey]);
  }

  /** The visitor's conversation, without locking or making it. */
  find(
    tx: Transaction,
    tenantId: string,
    owner: { visitorId: string; botId: string },
    name: ConversationName,
  ): Promise<{ id: string } | undefined> {
    const [column, value] = name.kind === 'id' ? ['id', name.id] : ['client_key', name.clientKey];
    return row(tx, `SELECT id FROM conversations WHERE tenant_id = $1 AND visitor_id = $2 AND bot_id = $3 AND ${column} = $4`, [
      tenantId,
      owner.visitorId,
      owner.botId,
      value,
    ]);
  }

  byId(tx: Transaction, tenantId: string, id: string): Promise<ConversationRow | undefined> {
    return row<ConversationRow>(tx, `SELECT ${columns} FROM conversations WHERE tenant_id = $1 AND id = $2`, [tenantId, id]);
  }

  /** Newest first, after `after`, of one bot or visitor where given. */
  page(
    tx: Transaction,
    tenantId: string,
    filter: { limit: number; after: string | undefined; botId: string | undefined; visitorId: string | undefined },
  ): Promise<ConversationRow[]> {
    return rows<ConversationRow>(
      tx,
      `SELECT ${columns} FROM conversations
       WHERE tenant_id = $1 AND ($3::uuid IS NULL OR id < $3::uuid) AND ($4::uuid IS NULL OR bot_id = $4::uuid)
         AND ($5::uuid IS NULL OR visitor_id = $5::uuid)
       ORDER BY id DESC LIMIT $2`,
      [tenantId, filter.limit, filter.after ?? null, filter.botId ?? null, filter.visitorId ?? null],
    );
  }

  /** Sets what is given; undefined keeps, null clears. */
  async update(
    tx: Transaction,
    tenantId: string,
    id: string,
    change: { title?: Buffer | null; metadata?: Buffer | null },
  ): Promise<boolean> {
    const updated = await changed(
      tx,
      `UPDATE conversations SET title = CASE WHEN $3 THEN $4::bytea ELSE title END,
         metadata = CASE WHEN $5 THEN $6::bytea ELSE metadata END, updated_at = now()
       WHERE tenant_id = $1 AND id = $2`,
      [tenantId, id, change.title !== undefined, change.title ?? null, change.metadata !== undefined, change.metadata ?? null],
    );
    return updated > 0;
  }

  /** Deletes a conversation with its messages and turns; gives the ids of the turns, or undefined when there is none. */
  async delete(tx: Transaction, tenantId: string, id: string): Promise<DeletedTurns | undefined> {
    const turns = await rows<{ id: string; waits: boolean }>(
      tx,
      'SELECT id, finished_at IS NULL AND model_calls = 0 AS waits FROM turns WHERE tenant_id = $1 AND conversation_id = $2',
      [tenantId, id],
    );
    const gone = await changed(tx, 'DELETE FROM conversations WHERE tenant_id = $1 AND id = $2', [tenantId, id]);
    if (gone === 0) return undefined;
    return { turnIds: turns.map((turn) => turn.id), unbegunTurnIds: turns.filter(({ waits }) => waits).map((turn) => turn.id) };
  }
}
