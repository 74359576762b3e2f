import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../../platform/database/index.ts';
import type { EffectiveLimits } from '../limits/effective-limits.ts';
import type { LimitName } from '../limits/limit-names.ts';
import { planErrors } from '../plans.errors.ts';
import {
  type CallToReserve,
  holdWindows,
  makeCounters,
  type Reservation,
  reserveCall,
  type Window,
  type WindowLimits,
} from './quota-ledger.ts';

/** Shortest answer that is asked for where a quota leaves no room for a longer one, in tokens. */
const shortestAnswer = 16;

/** What a refused reservation wanted. */
export interface Wanted {
  visitorId: string;
  messages: 0 | 1;
  /** Tokens of input at most. */
  input: (tx: Transaction) => Promise<number>;
  output: number;
  price: { input: number; output: number };
}

/** Holds hard limits: what a call may use is reserved before it, and settled after it. */
@Injectable()
export class Quotas {
  /**
   * Reserves a call inside the caller's transaction; gives what is held. Rejects with NotReserved, after which
   * `room` says what to do; `held` is for a reservation after that.
   */
  reserve(tx: Transaction, tenantId: string, call: CallToReserve, limits: EffectiveLimits, held = false): Promise<Reservation> {
    return reserveCall(tx, tenantId, call, ofTenant(limits), ofVisitor(limits), held);
  }

  /** Makes the counters that are missing and holds all of them until the end of the transaction: before it settles and reserves at once. */
  async hold(tx: Transaction, tenantId: string, visitorId: string, limits: EffectiveLimits): Promise<Window[]> {
    const visitor = ofVisitor(limits) === null ? null : visitorId;
    const [, windows] = await Promise.all([makeCounters(tx, tenantId, visitor), holdWindows(tx, tenantId, visitor)]);
    return windows;
  }

  /**
   * After a reservation was refused, in the transaction that tries again: makes the counters that are missing, holds them, and gives the
   * tokens of output that there is room for, at most those wanted. A reservation of that in the same transaction succeeds. Throws 429 `quota_exceeded`
   * with the limit that has no room, and when it begins anew.
   */
  async room(tx: Transaction, tenantId: string, wanted: Wanted, limits: EffectiveLimits): Promise<number> {
    const [windows, input] = await Promise.all([this.hold(tx, tenantId, wanted.visitorId, limits), wanted.input(tx)]);
    return windows.reduce((output, window) => Math.min(output, roomIn(window, wanted, input, limits)), wanted.output);
  }
}

function roomIn(window: Window, wanted: Wanted, input: number, limits: EffectiveLimits): number {
  const names = windowLimits[window.subject];
  const of = window.subject === 'tenant' ? ofTenant(limits) : (ofVisitor(limits) ?? none);
  const refuse = (limit: LimitName) =>
    planErrors.quotaExceeded({ limit, quota: limits.limits[limit] ?? 0, resetsAt: window.endsAt, retryAfter: window.endsIn });
  if (of.messages !== null && window.messages + wanted.messages > of.messages) throw refuse(names.messages);
  let output = wanted.output;
  if (of.tokens !== null) {
    output = Math.min(output, of.tokens - window.tokens - input);
    if (output < Math.min(shortestAnswer, wanted.output)) throw refuse(names.tokens);
  }
  if (of.cost !== null) {
    const left = (of.cost - window.cost) * 1_000_000 - input * wanted.price.input;
    if (left < 0) throw refuse('cost_per_month');
    if (wanted.price.output > 0) output = Math.min(output, Math.floor(left / wanted.price.output));
    if (output < Math.min(shortestAnswer, wanted.output)) throw refuse('cost_per_month');
  }
  return output;
}

const windowLimits = {
  tenant: { messages: 'messages_per_month', tokens: 'tokens_per_month' },
  visitor: { messages: 'visitor_messages_per_day', tokens: 'visitor_tokens_per_day' },
} as const;

const none: WindowLimits = { messages: null, tokens: null, cost: null };

function ofTenant({ limits }: EffectiveLimits): WindowLimits {
  return { messages: limits.messages_per_month ?? null, tokens: limits.tokens_per_month ?? null, cost: limits.cost_per_month ?? null };
}

/** Null where visitors have no limits of their own: then nothing is counted for them. */
function ofVisitor({ limits }: EffectiveLimits): WindowLimits | null {
  const { visitor_messages_per_day: messages, visitor_tokens_per_day: tokens } = limits;
  return messages === undefined && tokens === undefined ? null : { messages: messages ?? null, tokens: tokens ?? null, cost: null };
}
