import { Inject, Injectable } from '@nestjs/common';
import { newUuid, uuidOf } from '../../../kernel/ids.ts';
import { type ContentKey, KeyedHash } from '../../../platform/crypto/index.ts';
import type { Transaction } from '../../../platform/database/index.ts';
import { Replica } from '../../../platform/replicas/index.ts';
import {
  conversationErrors,
  type ConversationName,
  ConversationsRepository,
  type LockedConversation,
  MessagesRepository,
  sealContent,
} from '../../conversations/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import { sealRequest } from './prompt-request.ts';
import type { SendRequest } from './send-request.ts';
import { isFinal, type TurnRow } from './turn.ts';
import { TurnGates } from './turn-gates.ts';
import { deadlineGraceMs } from './turn-limits.ts';
import { insertTurn, relatedTurns } from './turn-lifecycle.ts';
import { type Decision, whichTurn } from './which-turn.ts';

/** A send with everything that can be known before its transaction. */
export interface PreparedSend {
  send: SendRequest;
  key: ContentKey;
  name: ConversationName;
  clientKey: Buffer;
  textDigest: Buffer;
  tokens: number;
  /** A slot of this replica is held for the turn. */
  runHere: boolean;
}

/** The commit transaction: de-duplicate, pass the gates, write message and turn. */
@Injectable()
export class TurnStore {
  constructor(
    private readonly hash: KeyedHash,
    private readonly conversations: ConversationsRepository,
    private readonly messages: MessagesRepository,
    private readonly gates: TurnGates,
    private readonly replica: Replica,
    @Inject(chatConfig.token) private readonly config: ChatConfig,
  ) {}

  async commit(tx: Transaction, prepared: PreparedSend): Promise<{ turn: TurnRow; joined: boolean }> {
    const { send, name, clientKey, textDigest } = prepared;
    const { tenantId } = send.party;
    const conversation = await this.conversations.lock(tx, tenantId, send.party, name);
    if (conversation === undefined) throw conversationErrors.notFound();
    const related = await relatedTurns(tx, tenantId, conversation.id, { clientKey, messageId: uuidOf('message', send.clientMessageId) });
    const decision = whichTurn(
      {
        trigger: send.trigger,
        textDigest,
        edit: send.messageId === send.clientMessageId,
        answerId: send.messageId === undefined ? undefined : uuidOf('message', send.messageId),
      },
      related.filter((turn) => turn.ofThisMessage),
    );
    if (decision.kind === 'join') return { turn: decision.turn, joined: true };
    const unfinished = related.filter((turn) => !isFinal(turn.state));
    return { turn: await this.insert(tx, prepared, conversation, decision, unfinished), joined: false };
  }

  private async insert(
    tx: Transaction,
    prepared: PreparedSend,
    conversation: LockedConversation,
    decision: Exclude<Decision, { kind: 'join' }>,
    unfinished: TurnRow[],
  ): Promise<TurnRow> {
    const { send, key, clientKey, textDigest } = prepared;
    const { tenantId, botId, visitorId } = send.party;
    const turnId = newUuid();
    const regenerated = decision.kind === 'regenerate' ? decision.earlier : undefined;
    const userMessageId = regenerated?.userMessageId ?? newUuid();
    const replacedAnswerId = decision.kind === 'new' ? null : decision.earlier.answerMessageId;
    await this.gates.reserve(tx, { tenantId, turnId, visitorId, botId, unfinished });
    if (decision.kind !== 'new') {
      // A regenerated answer leaves its question; an edit replaces the question too.
      const from = decision.kind === 'regenerate' ? decision.earlier.userPosition + 1 : decision.earlier.userPosition;
      await this.messages.supersede(tx, tenantId, conversation.id, from);
    }
    if (regenerated === undefined) {
      await this.messages.insert(tx, tenantId, {
        id: userMessageId,
        conversationId: conversation.id,
        turnId,
        role: 'user',
        position: conversation.position,
        content: sealContent(key, userMessageId, [{ type: 'text', text: send.text }]),
        tokens: prepared.tokens,
        status: 'complete',
      });
    }
    return insertTurn(tx, tenantId, {
      id: turnId,
      conversationId: conversation.id,
      botId,
      visitorId,
      userMessageId,
      userPosition: regenerated?.userPosition ?? conversation.position,
      answerMessageId: newUuid(),
      answerPosition: conversation.position + 1,
      replacedAnswerId,
      clientKey,
      textDigest,
      turnKey: this.hash.of('turn-key', tenantId, conversation.id, clientKey, textDigest, replacedAnswerId ?? ''),
      request: send.prompt === undefined ? null : sealRequest(key, turnId, send.prompt),
      state: unfinished.length > 0 ? 'waiting' : prepared.runHere ? 'running' : 'queued',
      owner: this.replica.id,
      deadlineMs: this.config.turnDeadlineMs + deadlineGraceMs,
    });
  }
}
