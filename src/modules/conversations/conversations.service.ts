import { Injectable } from '@nestjs/common';
import { publicId, uuidOf } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../platform/audit/index.ts';
import { defineSealedTable, KeyRing, type Place, seal } from '../../platform/crypto/index.ts';
import { TenantDatabase, type Transaction } from '../../platform/database/index.ts';
import { Outbox } from '../../platform/events/index.ts';
import { toPage } from '../../platform/http/index.ts';
import { Visitors } from '../identity/index.ts';
import { legalHolds, TenantPrivacy } from '../privacy/index.ts';
import { conversationErrors } from './conversations.errors.ts';
import { conversationDeleted } from './conversations.events.ts';
import { type ConversationRow, ConversationsRepository } from './conversations.repository.ts';
import type { ConversationQuery, MessageQuery, UpdateConversation } from './conversations.schemas.ts';
import { openContents } from './message-content.ts';
import { MessagesRepository } from './messages.repository.ts';

/** Conversations and their messages, for the tenant's people and programs. */
@Injectable()
export class ConversationsService {
  constructor(
    private readonly database: TenantDatabase,
    private readonly keyRing: KeyRing,
    private readonly visitors: Visitors,
    private readonly outbox: Outbox,
    private readonly conversations: ConversationsRepository,
    private readonly messages: MessagesRepository,
    private readonly privacy: TenantPrivacy,
  ) {}

  /** A page of conversations, newest first. An unknown bot or visitor has none. */
  async list(caller: Principal, query: ConversationQuery) {
    const { tenantId } = caller;
    const visitorId = query.visitor_id === undefined ? undefined : await this.visitors.find(tenantId, query.visitor_id);
    const botId = query.bot_id === undefined ? undefined : uuidOf('bot', query.bot_id);
    const nobody = (query.visitor_id !== undefined && visitorId === undefined) || (query.bot_id !== undefined && botId === undefined);
    if (nobody) return toPage([], query.limit, (none: never) => none);
    const after = query.after === undefined ? undefined : conversationUuid(query.after);
    const audited = await this.privacy.isStrict(tenantId);
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      const found = await this.conversations.page(tx, tenantId, { limit: query.limit + 1, after, botId, visitorId });
      if (audited) for (const { id } of found.slice(0, query.limit)) recordRead(tx, caller, 'conversation.read', id);
      return found;
    });
    return toPage(await this.present(tenantId, stored), query.limit, (conversation) => conversation);
  }

  /** One conversation. Throws 404. */
  async get(caller: Principal, id: string) {
    const { tenantId } = caller;
    const conversationId = conversationUuid(id);
    const audited = await this.privacy.isStrict(tenantId);
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      const found = await this.conversations.byId(tx, tenantId, conversationId);
      if (audited && found !== undefined) recordRead(tx, caller, 'conversation.read', conversationId);
      return found;
    });
    return this.presentOne(tenantId, stored);
  }

  /** Changes title and metadata. Throws 404. */
  async update(caller: Principal, id: string, body: UpdateConversation) {
    const { tenantId } = caller;
    const conversationId = conversationUuid(id);
    const found = await this.database.forTenant(tenantId, (tx) => this.conversations.byId(tx, tenantId, conversationId));
    if (found === undefined) throw conversationErrors.notFound();
    const key = await this.keyRing.visitorKey(tenantId, found.visitorId);
    const sealed = (column: string, value: unknown) =>
      value === null ? null : seal(key, placeOf(tenantId, column, conversationId), JSON.stringify(value));
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      await this.conversations.update(tx, tenantId, conversationId, {
        ...(body.title === undefined ? {} : { title: sealed('title', body.title) }),
        ...(body.metadata === undefined ? {} : { metadata: sealed('metadata', body.metadata) }),
      });
      const object = { kind: 'conversation', id: conversationId } as const;
      auditTrail.record(tx, tenantId, {
        actor: actorOf(caller),
        action: 'conversation.update',
        object,
        detail: { fields: Object.keys(body) },
      });
      return this.conversations.byId(tx, tenantId, conversationId);
    });
    return this.presentOne(tenantId, stored);
  }

  /** Deletes a conversation with all its messages, running answer and logs. Throws 404, and 409 `legal_hold`. */
  async delete(caller: Principal, id: string): Promise<void> {
    const { tenantId } = caller;
    const conversationId = conversationUuid(id);
    await this.database.forTenant(tenantId, async (tx) => {
      await legalHolds.requireConversationFree(tx, tenantId, conversationId);
      const turns = await this.conversations.delete(tx, tenantId, conversationId);
      if (turns === undefined) throw conversationErrors.notFound();
      await this.outbox.publish(tx, conversationDeleted, { tenantId, conversationId, ...turns });
      const object = { kind: 'conversation', id: conversationId } as const;
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'conversation.delete', object });
    });
  }

  /** A page of messages, oldest first, as the conversation stands. Throws 404. */
  async listMessages(caller: Principal, id: string, query: MessageQuery) {
    const { tenantId } = caller;
    const conversationId = conversationUuid(id);
    const after = query.after === undefined ? undefined : uuidOf('message', query.after);
    if (query.after !== undefined && after === undefined) throw conversationErrors.notFound();
    const audited = await this.privacy.isStrict(tenantId);
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      if ((await this.conversations.byId(tx, tenantId, conversationId)) === undefined) throw conversationErrors.notFound();
      const found = await this.messages.page(tx, tenantId, conversationId, query.limit + 1, after);
      if (audited) recordRead(tx, caller, 'message.read', conversationId, Math.min(found.length, query.limit));
      return found;
    });
    const contents = await openContents(this.keyRing, tenantId, stored);
    const shown = stored.map((message, at) => ({
      object: 'message' as const,
      id: publicId('message', message.id),
      conversation_id: publicId('conversation', message.conversationId),
      turn_id: publicId('turn', message.turnId),
      role: message.role,
      parts: contents[at] ?? [],
      status: message.status,
      created_at: message.createdAt.toISOString(),
    }));
    return toPage(shown, query.limit, (message) => message);
  }

  private async presentOne(tenantId: string, conversation: ConversationRow | undefined) {
    if (conversation === undefined) throw conversationErrors.notFound();
    const [shown] = await this.present(tenantId, [conversation]);
    if (shown === undefined) throw conversationErrors.notFound();
    return shown;
  }

  private async present(tenantId: string, conversations: ConversationRow[]) {
    const names = await this.visitors.byId(
      tenantId,
      conversations.map((conversation) => conversation.visitorId),
    );
    return Promise.all(
      conversations.map(async (conversation) => ({
        object: 'conversation' as const,
        id: publicId('conversation', conversation.id),
        bot_id: publicId('bot', conversation.botId),
        visitor_id: names.get(conversation.visitorId) ?? publicId('visitor', conversation.visitorId),
        title: ((await this.openJson(tenantId, 'title', conversation.id, conversation.title)) as string | undefined) ?? null,
        metadata:
          ((await this.openJson(tenantId, 'metadata', conversation.id, conversation.metadata)) as Record<string, string> | undefined) ?? {},
        created_at: conversation.createdAt.toISOString(),
        updated_at: conversation.updatedAt.toISOString(),
      })),
    );
  }

  private async openJson(tenantId: string, column: string, rowId: string, sealed: Buffer | null): Promise<unknown> {
    if (sealed === null) return undefined;
    const [opened] = await this.keyRing.openReadable([{ place: placeOf(tenantId, column, rowId), sealed }]);
    return opened === undefined ? undefined : JSON.parse(opened.toString());
  }
}

defineSealedTable({ table: 'conversations', columns: ['title', 'metadata'] });

/** In strict privacy mode every read of content leaves an entry, in the transaction that reads. */
function recordRead(
  tx: Transaction,
  caller: Principal,
  action: 'conversation.read' | 'message.read',
  conversationId: string,
  messages?: number,
): void {
  const object = { kind: 'conversation', id: conversationId } as const;
  const detail = messages === undefined ? {} : { detail: { messages } };
  auditTrail.record(tx, caller.tenantId, { actor: actorOf(caller), action, object, ...detail });
}

function placeOf(tenantId: string, column: string, rowId: string): Place {
  return { tenantId, table: 'conversations', column, rowId };
}

function conversationUuid(id: string): string {
  const uuid = uuidOf('conversation', id);
  if (uuid === undefined) throw conversationErrors.notFound();
  return uuid;
}
