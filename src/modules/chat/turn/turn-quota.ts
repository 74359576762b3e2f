import { Injectable, Logger } from '@nestjs/common';
import { newUuid } from '../../../kernel/ids.ts';
import { row, type Transaction } from '../../../platform/database/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import { bytesPerMessage } from '../../models/index.ts';
import {
  type CallUse,
  type EffectiveLimits,
  type InAndOut,
  limitNames,
  openReservation,
  PlanLimits,
  Quotas,
  type Reservation,
  settleCalls,
  Thresholds,
} from '../../plans/index.ts';
import { maxHistoryMessages } from './turn-limits.ts';

/** The first call of a turn, as its commit can foresee it. */
export interface FirstCall {
  turnId: string;
  botId: string;
  visitorId: string;
  apiKeyId: string | null;
  /** Bytes of the prompt besides the conversation's own messages: instructions, and what a caller sent itself. */
  ownBytes: number;
  /** Bytes that a prompt is cut to, whatever the conversation holds. */
  mostBytes: number;
  /** Messages of the conversation that may go into the prompt. */
  history: number;
  /** Tokens of the answer at most. */
  output: number;
  price: InAndOut;
}

/** Where the message of a turn stands. */
export interface Asked {
  conversationId: string;
  /** Position of the question. */
  position: number;
  /** Answers of the conversation that are not there yet. */
  pending: number;
}

/** How the calls of a turn end with it. */
export interface TurnEnd {
  /** How the last call ended; absent when this attempt began none. */
  use?: CallUse;
  /** Whether any other call may have begun, and been served. */
  begun: boolean;
  /** Whether the turn gave anything, and so counts as a message. */
  answered: boolean;
}

/** Bytes that an answer which is still to come may have for each of its tokens; a longer one is cut from the prompt. */
const bytesPerToken = 6;

/** Bytes for tokens of a window: a prompt that is within the window by our count, and longer than this, is cut. */
export function bytesOfWindow(tokens: number): number {
  return tokens * bytesPerToken;
}

/** The quotas of turns: reserved in the transaction that commits a message, settled in the one that ends its turn. */
@Injectable()
export class TurnQuota {
  private readonly logger = new Logger(TurnQuota.name);

  constructor(
    private readonly plans: PlanLimits,
    private readonly quotas: Quotas,
    private readonly thresholds: Thresholds,
  ) {}

  /** What holds for a tenant now. */
  limitsOf(tenantId: string): Promise<EffectiveLimits> {
    return this.plans.of(tenantId);
  }

  /** Reserves the first call, in the transaction that writes its message; gives what is held. Rejects with NotReserved. */
  reserveFirst(
    tx: Transaction,
    tenantId: string,
    first: FirstCall,
    asked: Asked,
    limits: EffectiveLimits,
    held: boolean,
  ): Promise<Reservation> {
    const { turnId, botId, visitorId, apiKeyId, output, price } = first;
    const ids = { id: newUuid(), kind: 'chat' as const, turnId, call: 1, botId, visitorId, apiKeyId };
    return this.quotas.reserve(tx, tenantId, { ...ids, messages: 1, input: promptBytes(first, asked), output, price }, limits, held);
  }

  /**
   * After a first call could not be reserved, in the transaction that tries again and has not written the message yet: the tokens of output
   * that there is room for. Throws 429 `quota_exceeded`. `messageBytes`: of the message as it will be stored.
   */
  roomForFirst(
    tx: Transaction,
    tenantId: string,
    first: FirstCall,
    messageBytes: number,
    asked: Asked,
    limits: EffectiveLimits,
  ): Promise<number> {
    const { visitorId, output, price } = first;
    const { sql, values } = promptBytes({ ...first, ownBytes: first.ownBytes + messageBytes + bytesPerMessage }, asked);
    const input = async (): Promise<number> =>
      (await row<{ input: number }>(tx, `SELECT (${sql(2)})::int AS input, $1::uuid`, [tenantId, ...values]))?.input ?? 0;
    return this.quotas.room(tx, tenantId, { visitorId, messages: 1, input, output, price }, limits);
  }

  /**
   * Holds the counters of a tenant and a visitor until the end of the transaction, in their order. For one that settles and reserves: before
   * anything of them is changed.
   */
  async hold(tx: Transaction, tenantId: string, visitorId: string, limits: EffectiveLimits): Promise<void> {
    await this.quotas.hold(tx, tenantId, visitorId, limits);
  }

  /** Reserves a further call of a turn, whose prompt is known. */
  reserveNext(
    tx: Transaction,
    tenantId: string,
    next: Omit<FirstCall, 'ownBytes' | 'mostBytes' | 'history'> & { call: number; input: number },
    limits: EffectiveLimits,
    held: boolean,
  ): Promise<Reservation> {
    return this.quotas.reserve(tx, tenantId, { ...next, id: newUuid(), kind: 'chat', messages: 0 }, limits, held);
  }

  /** The same as `roomForFirst` for a further call. */
  roomForNext(
    tx: Transaction,
    tenantId: string,
    next: { visitorId: string; input: number; output: number; price: InAndOut },
    limits: EffectiveLimits,
  ): Promise<number> {
    const { visitorId, output, price } = next;
    return this.quotas.room(tx, tenantId, { visitorId, messages: 0, input: () => Promise.resolve(next.input), output, price }, limits);
  }

  /** What is reserved for a call of a turn; undefined when that has ended. */
  reserved(tx: Transaction, tenantId: string, turnId: string, call: number): Promise<Reservation | undefined> {
    return openReservation(tx, tenantId, turnId, call);
  }

  /** Ends the calls of a turn, in the transaction that ends the turn; sends its one statement at once. Gives how many calls were open. */
  settle(tx: Transaction, tenantId: string, turnId: string, end: TurnEnd): Promise<number> {
    return settleCalls(tx, tenantId, turnId, end.use, end.begun ? 'maximum' : 'nothing', !end.answered);
  }

  /** Tells the tenant's owners of a threshold that was crossed. Nobody waits for it: the next turn finds it again. */
  announce(tenantId: string): void {
    this.telling(this.plans.of(tenantId).then(({ limits }) => this.thresholds.afterTurn(tenantId, limits)));
  }

  /** Tells them that a limit of the month has refused a message: what is left is too little for any. */
  announceRefusal(tenantId: string, limit: string, { limits }: EffectiveLimits): void {
    const name = limitNames.find((each) => each === limit);
    if (name !== undefined) this.telling(this.thresholds.afterRefusal(tenantId, name, limits));
  }

  private telling(told: Promise<void>): void {
    told.catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'a threshold could not be announced'));
  }
}

/** Bytes of a prompt, and so tokens at most, as SQL over the conversation's stored messages: what is sealed is longer than its text. */
function promptBytes(first: Pick<FirstCall, 'ownBytes' | 'mostBytes' | 'history' | 'output'>, asked: Asked) {
  const { conversationId, position, pending } = asked;
  const fixed = first.ownBytes + bytesPerMessage + pending * first.output * bytesPerToken;
  return {
    sql: (
      at: number,
    ) => `SELECT least($${at}::bigint, $${at + 1}::bigint + coalesce(sum(octet_length(m.content) + ${bytesPerMessage}), 0)) FROM (
      SELECT content FROM messages WHERE tenant_id = $1::uuid AND conversation_id = $${at + 2}::uuid AND superseded_at IS NULL
        AND position <= $${at + 3}::int ORDER BY position DESC LIMIT $${at + 4}::int) m`,
    values: [first.mostBytes, fixed, conversationId, position, Math.min(first.history, maxHistoryMessages)],
  };
}
