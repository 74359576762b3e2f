import { Inject, Injectable } from '@nestjs/common';
import { newUuid } from '../../../kernel/ids.ts';
import { KeyedHash, KeyRing } from '../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { botErrors, PublishedBots } from '../../bots/index.ts';
import { countTokens, Models } from '../../models/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import { chatErrors } from '../chat.errors.ts';
import { TurnQueue } from '../queue/turn-queue.ts';
import { type MessageRate, MessageRates } from './message-rates.ts';
import { conversationName, type SendRequest } from './send-request.ts';
import type { TurnRef } from './turn.ts';
import { TurnRunner } from './turn-runner.ts';
import { TurnStore } from './turn-store.ts';

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
    const route = bot.settings.model ?? this.models.defaultModel;
    const runHere = await this.queue.reserve(route, turnId);
    const prepared = { ...this.digest(send), turnId, route, key, send, runHere };
    let claimed = false;
    try {
      const outcome = await this.database.forTenant(tenantId, (tx) => this.store.commit(tx, prepared));
      const { turn, joined, tier, stopping, history } = outcome;
      for (const replaced of stopping) this.runner.hurryStop(tenantId, replaced);
      if (!joined && turn.state === 'running') {
        claimed = true;
        this.runner.run(tenantId, turn, history);
      } else if (!joined && turn.state === 'queued') this.queue.entered(tenantId, turn, tier);
      return { tenantId, turnId: turn.id, conversationId: turn.conversationId, visitorId, joined, rate };
    } finally {
      if (runHere && !claimed) this.queue.unreserve(turnId);
    }
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
