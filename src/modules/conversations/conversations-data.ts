import { Injectable } from '@nestjs/common';
import { row, rows, TenantDatabase, type Transaction } from '../../platform/database/index.ts';
import { Outbox } from '../../platform/events/index.ts';
import {
  type DataSubject,
  type ErasedRows,
  type ExportedRecord,
  type HeldTable,
  HeldTables,
  HoldsPersonalData,
  type PersonalDataHolder,
} from '../../platform/personal-data/index.ts';
import { conversationDeleted } from './conversations.events.ts';
import { ConversationsRepository } from './conversations.repository.ts';

/** SQL: the conversations of visitor $2, as ids. */
const theirs = 'ARRAY(SELECT c.id FROM conversations c WHERE c.tenant_id = $1 AND c.visitor_id = $2)';

const conversationRows: HeldTable = {
  table: 'conversations',
  file: 'conversations',
  of: { visitor: 't.visitor_id = $2', tenant: 'true' },
  ids: { id: 'conversation', bot_id: 'bot', visitor_id: 'visitor' },
  columns: ['created_at', 'updated_at'],
  sealed: { title: 'json', metadata: 'json' },
};
const messageRows: HeldTable = {
  table: 'messages',
  file: 'messages',
  of: { visitor: `t.conversation_id = ANY(${theirs})`, tenant: 'true' },
  ids: { id: 'message', conversation_id: 'conversation', turn_id: 'turn' },
  columns: ['role', 'position', 'status', 'created_at', 'superseded_at'],
  sealed: { content: 'json' },
};

/** Conversations that are looked up at a time. */
const batchRows = 100;

/** What people have said and been told. Each conversation goes in a transaction of its own, as if it had been deleted over the API. */
@Injectable()
@HoldsPersonalData({ rank: 7, tables: { conversations: 'person', messages: 'person' } })
export class ConversationsData implements PersonalDataHolder {
  constructor(
    private readonly held: HeldTables,
    private readonly database: TenantDatabase,
    private readonly outbox: Outbox,
    private readonly conversations: ConversationsRepository,
  ) {}

  export(subject: DataSubject): AsyncIterable<ExportedRecord> {
    return this.held.records(subject, [conversationRows, messageRows]);
  }

  async erase({ tenantId, kind, id }: DataSubject): Promise<ErasedRows> {
    const erased = { conversations: 0, messages: 0, turns: 0 };
    if (kind === 'user') return erased;
    const filter = { limit: batchRows, after: undefined, botId: undefined, visitorId: kind === 'visitor' ? id : undefined };
    for (;;) {
      const found = await this.database.forTenant(tenantId, (tx) => this.conversations.page(tx, tenantId, filter));
      for (const conversation of found) {
        const gone = await this.database.forTenant(tenantId, (tx) => this.delete(tx, tenantId, conversation.id));
        erased.conversations += gone === undefined ? 0 : 1;
        erased.messages += gone?.messages ?? 0;
        erased.turns += gone?.turns ?? 0;
      }
      if (found.length === 0) return erased;
    }
  }

  private async delete(tx: Transaction, tenantId: string, id: string): Promise<{ messages: number; turns: number } | undefined> {
    // Locked, so that what is counted and told of is what goes.
    const locked = await rows(tx, 'SELECT 1 FROM conversations WHERE tenant_id = $1 AND id = $2 FOR UPDATE', [tenantId, id]);
    if (locked.length === 0) return undefined;
    const counted = await row<{ messages: number }>(
      tx,
      'SELECT count(*)::int AS messages FROM messages WHERE tenant_id = $1 AND conversation_id = $2',
      [tenantId, id],
    );
    const turns = await this.conversations.delete(tx, tenantId, id);
    if (turns === undefined) return undefined;
    await this.outbox.publish(tx, conversationDeleted, { tenantId, conversationId: id, ...turns });
    return { messages: counted?.messages ?? 0, turns: turns.turnIds.length };
  }
}
