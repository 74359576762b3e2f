import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../platform/database/index.ts';

/** How a stored message came to its end. */
export type MessageStatus = 'complete' | 'interrupted' | 'stopped' | 'failed';

/** A message as stored; `content` is sealed under the visitor's key. */
export interface MessageRow {
  id: string;
  conversationId: string;
  turnId: string;
  role: 'user' | 'assistant';
  position: number;
  content: Buffer;
  tokens: number;
  status: MessageStatus;
  createdAt: Date;
}

/** What a prompt needs of a message. */
export type HistoryMessage = Pick<MessageRow, 'id' | 'role' | 'content' | 'tokens'>;

/** What a new message is made of. */
export type NewMessage = Omit<MessageRow, 'createdAt'>;

const columns = `id, conversation_id AS "conversationId", turn_id AS "turnId", role, position, content, tokens, status,
  created_at AS "createdAt"`;

/** Messages in Postgres. */
@Injectable()
export class MessagesRepository {
  /** Adds a message; the answer of a turn that was replaced meanwhile is superseded from the start. */
  async insert(tx: Transaction, tenantId: string, message: NewMessage): Promise<void> {
    await changed(
      tx,
      `INSERT INTO messages (tenant_id, id, conversation_id, turn_id, role, position, content, tokens, status, superseded_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, (SELECT replaced_at FROM turns WHERE tenant_id = $1 AND id = $4))`,
      [
        tenantId,
        message.id,
        message.conversationId,
        message.turnId,
        message.role,
        message.position,
        message.content,
        message.tokens,
        message.status,
      ],
    );
  }

  byId(tx: Transaction, tenantId: string, id: string): Promise<MessageRow | undefined> {
    return row<MessageRow>(tx, `SELECT ${columns} FROM messages WHERE tenant_id = $1 AND id = $2`, [tenantId, id]);
  }

  /** The conversation as it stands, oldest first, after the message `after`. */
  page(tx: Transaction, tenantId: string, conversationId: string, limit: number, after: string | undefined): Promise<MessageRow[]> {
    return rows<MessageRow>(
      tx,
      `SELECT ${columns} FROM messages m
       WHERE tenant_id = $1 AND conversation_id = $2 AND superseded_at IS NULL
         AND ($4::uuid IS NULL OR position > (SELECT a.position FROM messages a WHERE a.tenant_id = $1 AND a.id = $4::uuid))
       ORDER BY position LIMIT $3`,
      [tenantId, conversationId, limit, after ?? null],
    );
  }

  /** What a prompt may use: up to `limit` messages that still stand, newest first, from the given position down. */
  history(tx: Transaction, tenantId: string, conversationId: string, upTo: number, limit: number): Promise<HistoryMessage[]> {
    return rows<HistoryMessage>(
      tx,
      `SELECT id, role, content, tokens FROM messages
       WHERE tenant_id = $1 AND conversation_id = $2 AND superseded_at IS NULL AND position <= $3
       ORDER BY position DESC LIMIT $4`,
      [tenantId, conversationId, upTo, limit],
    );
  }

  /** Marks what stood from a position on as replaced (a regenerated answer, an edited question). */
  async supersede(tx: Transaction, tenantId: string, conversationId: string, from: number): Promise<void> {
    await changed(
      tx,
      `UPDATE messages SET superseded_at = now()
       WHERE tenant_id = $1 AND conversation_id = $2 AND position >= $3 AND superseded_at IS NULL`,
      [tenantId, conversationId, from],
    );
  }
}
