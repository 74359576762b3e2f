import { Inject, Injectable } from '@nestjs/common';
import type { Transaction } from '../../../platform/database/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import { chatErrors } from '../chat.errors.ts';
import { isFinal, type TurnRow } from './turn.ts';
import type { TurnResult } from './turn-lifecycle.ts';

/** A turn at the door. */
export interface TurnAtGate {
  tenantId: string;
  turnId: string;
  visitorId: string;
  botId: string;
  /** Unfinished turns of the same conversation. */
  unfinished: TurnRow[];
}

/**
 * A condition of a turn, asked inside the commit transaction (so that what it reserves is committed with the message, or
 * not at all) and told inside the finishing one. De-duplication has come before: a copy of a send passes no gate.
 */
export interface TurnGate {
  /** Throws AppError to refuse the turn. */
  reserve(tx: Transaction, turn: TurnAtGate): Promise<void>;
  /** The turn has ended, with what it used. Sends all its statements before it waits for any: COMMIT goes along with them. */
  settle(tx: Transaction, turn: { tenantId: string; turnId: string }, result: TurnResult): Promise<void>;
}

/** Bounds how many messages of one conversation wait for their answers. */
@Injectable()
export class WaitingTurnsGate implements TurnGate {
  constructor(@Inject(chatConfig.token) private readonly config: ChatConfig) {}

  reserve(_tx: Transaction, turn: TurnAtGate): Promise<void> {
    const waiting = turn.unfinished.filter(({ state }) => !isFinal(state) && state !== 'running').length;
    if (waiting >= this.config.maxWaitingTurns && turn.unfinished.length > 0) return Promise.reject(chatErrors.tooManyWaiting());
    return Promise.resolve();
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }
}

/** All gates, in the order in which a turn passes them. */
@Injectable()
export class TurnGates {
  private readonly gates: TurnGate[];

  constructor(waiting: WaitingTurnsGate) {
    this.gates = [waiting];
  }

  async reserve(tx: Transaction, turn: TurnAtGate): Promise<void> {
    for (const gate of this.gates) await gate.reserve(tx, turn);
  }

  async settle(tx: Transaction, turn: { tenantId: string; turnId: string }, result: TurnResult): Promise<void> {
    await Promise.all(this.gates.map((gate) => gate.settle(tx, turn, result)));
  }
}
