import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '../../../kernel/app-error.ts';
import { newUuid, uuidOf } from '../../../kernel/ids.ts';
import { type ContentKey, KeyedHash } from '../../../platform/crypto/index.ts';
import type { Transaction } from '../../../platform/database/index.ts';
import { Replica } from '../../../platform/replicas/index.ts';
import {
  conversationErrors,
  type ConversationName,
  ConversationsRepository,
  type HistoryMessage,
  type LockedConversation,
  MessagesRepository,
  sealContent,
} from '../../conversations/index.ts';
import { type EffectiveLimits, type Reservation } from '../../plans/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import { chatErrors } from '../chat.errors.ts';
import { QueueLoad } from '../queue/queue-load.ts';
import { type QueuePlace, takePlace } from '../queue/turn-order.ts';
import { sealRequest } from './prompt-request.ts';
import type { SendRequest } from './send-request.ts';
import { isFinal, type TurnRow } from './turn.ts';
import { type Asked, type FirstCall, TurnQuota } from './turn-quota.ts';
import { deadlineGraceMs, maxHistoryMessages } from './turn-limits.ts';
import { stopReplaced } from './turn-lifecycle.ts';
import { insertTurn, relatedTurns } from './turn-rows.ts';
import { type Decision, whichTurn } from './which-turn.ts';

/** A send with everything that can be known before its transaction. */
export interface PreparedSend {
  send: SendRequest;
  /** Id of the turn, if it becomes one. */
  turnId: string;
  /** The model that it needs a place for. */
  route: string;
  key: ContentKey;
  name: ConversationName;
  clientKey: Buffer;
  textDigest: Buffer;
  tokens: number;
  /** A slot of this replica is held for the turn. */
  runHere: boolean;
  /** The call that is to be reserved, under these limits. */
  first: FirstCall;
  limits: EffectiveLimits;
  /** It was tried before, and found too little room: take as much as there is. */
  again: boolean;
}

/** What was committed. */
export interface Committed {
  turn: TurnRow;
  /** Another copy of the send has made the turn. */
  joined: boolean;
  /** The tenant's tier in the queue; 0 for a turn that did not have to wait. */
  tier: number;
  /** Running turns that it replaces: they were asked to stop. */
  stopping: string[];
  /** Turns that it replaces and that had not begun: they have ended. */
  ended: string[];
  /** Of a turn that runs at once: what its prompt may use, newest first. */
  history?: HistoryMessage[] | undefined;
  /** What was reserved for its first call. */
  reserved?: Reservation | undefined;
}

/** What the commit has found. */
interface Situation {
  conversation: LockedConversation;
  decision: Exclude<Decision, { kind: 'join' }>;
  unfinished: TurnRow[];
  /** Set when it has to wait for a free place. */
  place: QueuePlace | undefined;
  /** Turns that end now, since this one replaces them. */
  replaced: Replaced[];
}

type Replaced = Awaited<ReturnType<typeof stopReplaced>>[number];

/** The commit transaction: de-duplicate, pass the gates, write message and turn. */
@Injectable()
export class TurnStore {
  constructor(
    private readonly hash: KeyedHash,
    private readonly conversations: ConversationsRepository,
    private readonly messages: MessagesRepository,
    private readonly quota: TurnQuota,
    private readonly replica: Replica,
    private readonly load: QueueLoad,
    @Inject(chatConfig.token) private readonly config: ChatConfig,
  ) {}

  async commit(tx: Transaction, prepared: PreparedSend): Promise<Committed> {
    const { send, name, clientKey, textDigest } = prepared;
    const { tenantId } = send.party;
    // In one trip: the second statement is served when the first has its lock, and sees what was committed until then.
    const [conversation, related] = await Promise.all([
      this.conversations.lock(tx, tenantId, send.party, name),
      relatedTo(tx, { send, name, clientKey }),
    ]);
    if (conversation === undefined) throw conversationErrors.notFound();
    const decision = decide({ send, textDigest }, related);
    if (decision.kind === 'join') return { turn: decision.turn, joined: true, tier: 0, stopping: [], ended: [] };
    const replaced =
      decision.kind === 'new' ? [] : await stopReplaced(tx, tenantId, decision.earlier.conversationId, decision.earlier.userPosition);
    const unfinished = related.filter(
      (turn) =>
        !isFinal(turn.state) && (turn.state === 'running' || decision.kind === 'new' || turn.userPosition < decision.earlier.userPosition),
    );
    this.checkWaiting(unfinished);
    const waits = unfinished.length === 0 && !prepared.runHere;
    const place = waits ? await this.placeOf(tx, tenantId, prepared.limits.tier) : undefined;
    const stored = await this.insert(tx, prepared, { conversation, decision, unfinished, place, replaced });
    const idsOf = (running: boolean) => replaced.filter((turn) => turn.running === running).map(({ id }) => id);
    return { ...stored, joined: false, tier: place?.tier ?? 0, stopping: idsOf(true), ended: idsOf(false) };
  }

  /** The turn that a copy of this send has made; undefined when it would be a new one, or another answer. */
  async madeBefore(tx: Transaction, copy: Pick<PreparedSend, 'send' | 'name' | 'clientKey' | 'textDigest'>): Promise<TurnRow | undefined> {
    const decision = decide(copy, await relatedTo(tx, copy));
    if (decision.kind !== 'join') return undefined;
    const { turn } = decision;
    return turn.visitorId === copy.send.party.visitorId && turn.botId === copy.send.party.botId ? turn : undefined;
  }

  /** Bounds how many messages of one conversation wait for their answers. */
  private checkWaiting(unfinished: TurnRow[]): void {
    const waiting = unfinished.filter(({ state }) => state !== 'running').length;
    if (waiting >= this.config.maxWaitingTurns && unfinished.length > 0) throw chatErrors.tooManyWaiting();
  }

  private async placeOf(tx: Transaction, tenantId: string, tier: number): Promise<QueuePlace> {
    const place = await takePlace(tx, tenantId, this.config.maxQueuedTurnsPerTenant, tier);
    this.load.admit(place.waiting);
    return place;
  }

  /** Writes it and commits, in one trip; reads what a turn that runs at once will need on the way. */
  private async insert(
    tx: Transaction,
    prepared: PreparedSend,
    situation: Situation,
  ): Promise<{ turn: TurnRow; history: HistoryMessage[] | undefined; reserved: Reservation }> {
    const { conversation, decision, unfinished, place, replaced } = situation;
    const { send, key, clientKey, textDigest, turnId, limits, again } = prepared;
    const { tenantId, botId, visitorId } = send.party;
    const regenerated = decision.kind === 'regenerate' ? decision.earlier : undefined;
    const userMessageId = regenerated?.userMessageId ?? newUuid();
    const replacedAnswerId = decision.kind === 'new' ? null : decision.earlier.answerMessageId;
    if (decision.kind !== 'new') {
      // A regenerated answer leaves its question; an edit replaces the question too.
      const from = decision.kind === 'regenerate' ? decision.earlier.userPosition + 1 : decision.earlier.userPosition;
      await this.messages.supersede(tx, tenantId, conversation.id, from);
    }
    const userPosition = regenerated?.userPosition ?? conversation.position;
    const content = sealContent(key, userMessageId, [{ type: 'text', text: send.text }]);
    const over = replaced.filter(({ running }) => !running);
    // All counters first, in their order: those of other turns than this one are changed.
    const settle = () =>
      over.length === 0
        ? []
        : [
            this.quota.hold(tx, tenantId, visitorId, limits),
            ...over.map(({ id, begun }) => this.quota.settle(tx, tenantId, id, { begun, answered: false })),
          ];
    const asked = { conversationId: conversation.id, position: userPosition, pending: unfinished.length };
    let { first } = prepared;
    if (again) {
      await Promise.all(settle());
      first = { ...first, output: await this.roomFor(tx, prepared, asked, content.length) };
    }
    // Sent together with the turn; the reference between them is checked at the commit.
    const written =
      regenerated === undefined &&
      this.messages.insert(tx, tenantId, {
        id: userMessageId,
        conversationId: conversation.id,
        turnId,
        role: 'user',
        position: conversation.position,
        content,
        tokens: prepared.tokens,
        status: 'complete',
      });
    const state = unfinished.length > 0 ? 'waiting' : prepared.runHere ? 'running' : 'queued';
    const inserting = insertTurn(tx, tenantId, {
      id: turnId,
      conversationId: conversation.id,
      botId,
      visitorId,
      userMessageId,
      userPosition,
      answerMessageId: newUuid(),
      answerPosition: conversation.position + 1,
      replacedAnswerId,
      clientKey,
      textDigest,
      turnKey: this.hash.of('turn-key', tenantId, conversation.id, clientKey, textDigest, replacedAnswerId ?? ''),
      request: send.prompt === undefined ? null : sealRequest(key, turnId, send.prompt),
      state,
      owner: this.replica.id,
      route: prepared.route,
      tier: place?.tier ?? limits.tier,
      virtualStart: place?.virtualStart ?? 0,
      deadlineMs: this.config.turnDeadlineMs + deadlineGraceMs,
    });
    const reading =
      state === 'running'
        ? this.messages.history(tx, tenantId, conversation.id, userPosition, send.prompt === undefined ? maxHistoryMessages : 1)
        : undefined;
    // Last of all: the counters are the rows that all sends of a tenant share, and are held from here to the end of COMMIT.
    const settling = again ? [] : settle();
    const reserving = this.quota.reserveFirst(tx, tenantId, first, asked, limits, again);
    tx.commitAlong();
    const [reserved, turn, history] = await Promise.all([reserving, inserting, reading, written, ...settling]);
    return { turn, history, reserved };
  }

  /** Tokens of output that there is room for; a refusal is told to the tenant's owners. */
  private async roomFor(tx: Transaction, { send, first, limits }: PreparedSend, asked: Asked, messageBytes: number): Promise<number> {
    const { tenantId } = send.party;
    try {
      return await this.quota.roomForFirst(tx, tenantId, first, messageBytes, asked, limits);
    } catch (error) {
      const refusedBy = error instanceof AppError ? error.options.limit?.name : undefined;
      if (refusedBy !== undefined) this.quota.announceRefusal(tenantId, refusedBy, limits);
      throw error;
    }
  }
}

function relatedTo(tx: Transaction, { send, name, clientKey }: Pick<PreparedSend, 'send' | 'name' | 'clientKey'>) {
  return relatedTurns(tx, send.party.tenantId, name.kind === 'id' ? name : { ...send.party, clientKey: name.clientKey }, {
    clientKey,
    messageId: uuidOf('message', send.clientMessageId),
  });
}

function decide({ send, textDigest }: Pick<PreparedSend, 'send' | 'textDigest'>, related: Awaited<ReturnType<typeof relatedTo>>): Decision {
  return whichTurn(
    {
      trigger: send.trigger,
      textDigest,
      edit: send.messageId === send.clientMessageId,
      answerId: send.messageId === undefined ? undefined : uuidOf('message', send.messageId),
    },
    related.filter((turn) => turn.ofThisMessage),
  );
}
