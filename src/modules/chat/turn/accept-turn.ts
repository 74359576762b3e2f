import { Injectable } from '@nestjs/common';
import { newUuid } from '../../../kernel/ids.ts';
import { KeyedHash, KeyRing, SubjectErased } from '../../../platform/crypto/index.ts';
import { brokenReferenceOf, isDeadlock, TenantDatabase } from '../../../platform/database/index.ts';
import { type EffectiveLimits, NotReserved, type Rate } from '../../plans/index.ts';
import { botErrors, type BotSettings, PublishedBots } from '../../bots/index.ts';
import { countTokens, Models } from '../../models/index.ts';
import { bytesAdded } from '../../privacy/index.ts';
import { routeOf } from '../queue/route-slots.ts';
import { TurnQueue } from '../queue/turn-queue.ts';
import { checkInjection } from './injection-check.ts';
import { ownBytes, type PromptBounds, promptBounds } from './prompt-bounds.ts';
import { SendChecks } from './send-checks.ts';
import { conversationName, type SendRequest } from './send-request.ts';
import { maxHistoryMessages } from './turn-limits.ts';
import { bytesOfWindow, type FirstCall } from './turn-quota.ts';
import { TurnDoor, TurnedAway } from './turn-door.ts';
import type { TurnRef } from './turn.ts';
import { TurnRunner } from './turn-runner.ts';
import { type Committed, type PreparedSend, TurnStore } from './turn-store.ts';

/** Bytes that a sealed message has besides its text, at most. */
const sealedBytes = 160;

/** A committed send: its turn, which another copy of the send may have made. */
export interface AcceptedTurn extends TurnRef {
  joined: boolean;
  /** What is left of the visitor's message rate. */
  rate: Rate;
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
    private readonly door: TurnDoor,
    private readonly checks: SendChecks,
  ) {}

  /** Throws AppError when the send is refused; then nothing was stored. */
  async accept(send: SendRequest): Promise<AcceptedTurn> {
    const { tenantId, botId, visitorId } = send.party;
    this.checks.checkSize(send);
    const bot = await this.bots.find(tenantId, botId);
    if (bot === undefined) throw botErrors.notFound();
    const turnId = newUuid();
    const place = { tenantId, visitorId, turnId };
    const entered = await this.door.enter(place).catch((error: unknown) => {
      if (error instanceof TurnedAway) return error;
      throw error;
    });
    if (entered instanceof TurnedAway) return this.join(send, entered);
    try {
      await checkInjection(send, bot.settings);
      const growth = await this.checks.checkContent(send, bot.settings);
      const { turn, joined } = await this.take(send, { settings: bot.settings, growth }, turnId, entered.limits);
      const rate = joined ? entered.takeBack() : entered.rate;
      return { tenantId, turnId: turn.id, conversationId: turn.conversationId, visitorId, joined, rate };
    } catch (error) {
      this.door.leave(place);
      throw error;
    }
  }

  /** Joins the turn that a copy of the send has made. Throws the refusal when there is none. */
  private async join(send: SendRequest, { rate, refusal, mayBeCopy }: TurnedAway): Promise<AcceptedTurn> {
    if (!mayBeCopy) throw refusal;
    const { tenantId, visitorId } = send.party;
    const turn = await this.database.forTenant(tenantId, (tx) => this.store.madeBefore(tx, { send, ...this.digest(send) }));
    if (turn === undefined) throw refusal;
    return { tenantId, turnId: turn.id, conversationId: turn.conversationId, visitorId, joined: true, rate };
  }

  /** Commits the turn and has it run, here or where there is a free slot. */
  private async take(
    send: SendRequest,
    { settings, growth }: { settings: BotSettings; growth: number },
    turnId: string,
    limits: EffectiveLimits,
  ): Promise<Pick<Committed, 'turn' | 'joined'>> {
    const { tenantId, visitorId } = send.party;
    const key = await this.keys.visitorKey(tenantId, visitorId);
    const bounds = await promptBounds(this.models, tenantId, settings, send.prompt);
    const route = routeOf(bounds.places, settings.skills);
    const runHere = await this.queue.reserve(route, turnId);
    const first = this.firstCall(send, turnId, ownBytes(settings, send.prompt) + bytesAdded(send.text) + growth, bounds);
    let claimed = false;
    try {
      const committed = await this.commit({ ...this.digest(send), turnId, route, key, send, runHere, first, limits });
      const { turn, joined, tier, stopping, ended, history, reserved } = committed;
      for (const replaced of stopping) this.runner.hurryStop(tenantId, replaced);
      for (const replaced of ended) this.door.leave({ tenantId, visitorId, turnId: replaced });
      if (!joined && turn.state === 'running') {
        claimed = true;
        const known = { ...(history === undefined ? {} : { history }), ...(reserved === undefined ? {} : { reserved }) };
        this.runner.run(tenantId, turn, known);
      } else if (!joined && turn.state === 'queued') this.queue.entered(tenantId, turn, tier);
      return committed;
    } finally {
      if (runHere && !claimed) this.queue.unreserve(turnId);
    }
  }

  /** Commits; where a quota has no room for the whole, with an answer as long as there is room for. Throws 429 `quota_exceeded`, 410 `erased`. */
  private async commit(prepared: Omit<PreparedSend, 'again'>): Promise<Committed> {
    const { tenantId } = prepared.send.party;
    const commit = (again: boolean) => this.database.forTenant(tenantId, (tx) => this.store.commit(tx, { ...prepared, again }));
    const commitOrAgain = () =>
      commit(false).catch((error: unknown) => {
        if (error instanceof NotReserved) return commit(true);
        throw error;
      });
    return commitOrAgain().catch((error: unknown) => {
      // Where a month begins or a plan changes, two sends can hold counters that the other waits for.
      if (isDeadlock(error)) return commitOrAgain();
      const gone = brokenReferenceOf(error);
      if (gone === undefined) throw error;
      // Erased or deleted since it was looked up.
      throw gone.includes('bot') ? botErrors.notFound() : new SubjectErased();
    });
  }

  private firstCall({ party, prompt, text }: SendRequest, turnId: string, own: number, bounds: PromptBounds): FirstCall {
    return {
      turnId,
      botId: party.botId,
      visitorId: party.visitorId,
      apiKeyId: party.apiKeyId ?? null,
      ownBytes: own,
      mostBytes: own + Buffer.byteLength(text) + sealedBytes + bytesOfWindow(bounds.window),
      history: prompt === undefined ? maxHistoryMessages : 1,
      output: bounds.maxOutputTokens,
      price: bounds.price,
    };
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
