/** What can go wrong. Each is a part of P6 broken. */
export const violationKinds = [
  /** The model server has served more tokens, or tokens for more money, or more messages were accepted, than the limit allows. */
  'overspend',
  /** Counters have promised more than the limit at some moment. */
  'over-reserved',
  /** A request of the model server without a row of the ledger. */
  'unrecorded',
  /** Less is booked than was served, or nothing. */
  'under-booked',
  /** More is booked than was reserved. */
  'over-booked',
  /** Booked as exact, and the model server counts otherwise; or estimated although the provider had said it. */
  'inexact',
  /** A row that no request accounts for. */
  'booked-twice',
  /** Still reserved after everything has settled. */
  'unsettled',
  /** A counter is not the sum of the ledger. */
  'counter',
  /** Quota that nobody could use. */
  'unused',
  /** A refusal that does not say what it must, or that came after the provider had been asked. */
  'refusal',
  /** A tenant below its limits was refused, or not answered. */
  'neighbour',
  /** Acknowledged, and not in Postgres; or one message became two turns. */
  'turns',
] as const;
export type ViolationKind = (typeof violationKinds)[number];

/** So much of something; money is counted in micro-units. */
export interface Excess {
  of: 'tokens' | 'messages' | 'money';
  amount: number;
}

/** One finding. */
export interface Violation {
  kind: ViolationKind;
  tenant: string;
  /** What was seen, in ids and numbers. */
  detail: string;
  /** What is beyond the limit, of an overspend. */
  excess?: Excess;
}
