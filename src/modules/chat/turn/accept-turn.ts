import { Inject, Injectable } from '@nestjs/common';
import { commonErrors } from '../../../kernel/app-error.ts';
import { newUuid } from '../../../kernel/ids.ts';
import { KeyedHash, KeyRing } from '../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { requireTrial } from '../../plans/index.ts';
import { botErrors, type BotSettings, PublishedBots } from '../../bots/index.ts';
import { sealContent } from '../../conversations/index.ts';
import { countTokens, Models } from '../../models/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import { chatErrors } from '../chat.errors.ts';
import { TurnQueue } from '../queue/turn-queue.ts';
import { type MessageRate, MessageRates } from './message-rates.ts';
import { ownBytes, type PromptBounds, promptBounds } from './prompt-bounds.ts';
import { conversationName, type SendRequest } from './send-request.ts';
import { maxHistoryMessages } from './turn-limits.ts';
import { bytesOfWindow, type FirstCall, TurnQuota } from './turn-quota.ts';
import type { TurnRef } from './turn.ts';
import { TurnRunner } from './turn-runner.ts';
import { type Committed, NoRoom, type PreparedSend, TurnStore } from './turn-store.ts';

/** How often a commit is tried again that found less of a quota than there seemed to be: others take it meanwhile. */
const maxTries = 4;
/** Bytes that a sealed message has besides its text, at most. */
const sealedBytes = 160;

/** A committed send: its turn, which another copy of the send may have made. */
export interface AcceptedTurn extends TurnRef {
  joined: boolean;
  /** What is left of the visitor's message rate. */
  rate: MessageRate;
}

/**
 * Accept, check, commit: the first half of a turn's life. When this resolves, Postgres has the message and the turn, and
 * the client may be told so.
 */
@Injectable()
export class AcceptTurn {
  constructor(
    private readonly database: TenantDatabase,
    private readonly keys: KeyRing,
    private readonly hash: KeyedHash,
    private readonly bots: PublishedBots,
    private readonly store: TurnStore,
    private readonly quota: TurnQuota,
    private readonly runner: TurnRunner,
    private readonly queue: TurnQueue,
    private readonly models: Models,
    private readonly rates: MessageRates,
    @Inject(chatConfig.token) private readonly config: ChatConfig,
  ) {}

  /** Throws AppError when the send is refused; then nothing was stored. */
  async accept(send: SendRequest): Promise<AcceptedTurn> {
    const { tenantId, botId, visitorId } = send.party;
    this.checkText(send.text);
    const bot = await this.bots.find(tenantId, botId);
    if (bot === undefined) throw botErrors.notFound();
    const rate = await this.rates.take(tenantId, visitorId);
    const key = await this.keys.visitorKey(tenantId, visitorId);
    const turnId = newUuid();
    const bounds = promptBounds(this.models, bot.settings, send.prompt);
    const runHere = await this.queue.reserve(bounds.model, turnId);
    const prepared = {
      ...this.digest(send),
      turnId,
      route: bounds.model,
      key,
      send,
      runHere,
      first: this.firstCall(send, turnId, bot.settings, bounds),
    };
    let claimed = false;
    try {
      const { turn, joined, tier, stopping, history, reserved } = await this.commit(tenantId, prepared);
      for (const replaced of stopping) this.runner.hurryStop(tenantId, replaced);
      if (!joined && turn.state === 'running') {
        claimed = true;
        this.runner.run(tenantId, turn, { ...(history === undefined ? {} : { history }), ...(reserved === undefined ? {} : { reserved }) });
      } else if (!joined && turn.state === 'queued') this.queue.entered(tenantId, turn, tier);
      return { tenantId, turnId: turn.id, conversationId: turn.conversationId, visitorId, joined, rate };
    } finally {
      if (runHere && !claimed) this.queue.unreserve(turnId);
    }
  }

  /** Commits, with a shorter answer where a quota has no room for the whole. Throws 429 `quota_exceeded`. */
  private async commit(tenantId: string, prepared: Omit<PreparedSend, 'limits'>): Promise<Committed> {
    let { first } = prepared;
    for (let tries = 1; ; tries += 1) {
      const limits = await this.quota.limitsOf(tenantId);
      requireTrial(limits);
      try {
        return await this.database.forTenant(tenantId, (tx) => this.store.commit(tx, { ...prepared, first, limits }));
      } catch (error) {
        if (!(error instanceof NoRoom)) throw error;
        const messageBytes = sealContent(prepared.key, prepared.turnId, [{ type: 'text', text: prepared.send.text }]).length;
        const output = await this.quota.roomForFirst(tenantId, first, messageBytes, error.asked, limits);
        if (tries === maxTries) throw commonErrors.unavailable('Too many messages compete for the last of a quota.', 1);
        first = { ...first, output };
      }
    }
  }

  private firstCall({ party, prompt, text }: SendRequest, turnId: string, settings: BotSettings, bounds: PromptBounds): FirstCall {
    const own = ownBytes(settings, prompt);
    return {
      turnId,
      botId: party.botId,
      visitorId: party.visitorId,
      apiKeyId: party.apiKeyId ?? null,
      ownBytes: own,
      mostBytes: own + Buffer.byteLength(text) + sealedBytes + bytesOfWindow(bounds.window),
      history: prompt === undefined ? maxHistoryMessages : 1,
      output: bounds.maxOutputTokens,
      price: { input: 0, output: 0 },
    };
  }

  private checkText(text: string): void {
    if (text.trim() === '') throw chatErrors.emptyMessage();
    if (Buffer.byteLength(text) > this.config.messageBytes) throw chatErrors.messageTooLarge(this.config.messageBytes);
  }

  private digest(send: SendRequest) {
    const { tenantId } = send.party;
    return {
      name: conversationName(this.hash, send.party, send.conversation),
      clientKey: this.hash.of('message-client-id', tenantId, send.clientMessageId),
      textDigest: this.hash.of('turn-key', tenantId, send.text, JSON.stringify(send.prompt ?? null)),
      tokens: countTokens(send.text),
    };
  }
}
