/** What can go wrong. Each is a promise broken, whoever broke it. */
export const violationKinds = [
  /** Acknowledged, and not in Postgres; or its answer is not. */
  'lost',
  /** Acknowledged, and without a final state, or without a reader who has seen it, after everything has healed. */
  'unfinished',
  'repeated',
  'reordered',
  'gap',
  /** The same number of the same log, with other bytes. */
  'changed',
  /** What was cut looks complete. */
  'false-complete',
  /** Bytes of another tenant, or of another conversation. */
  'foreign',
  /** More than one turn or answer for one message, or usage that the model server does not know. */
  'charged-twice',
  /** More model calls than the limits allow, or than were counted. */
  'too-many-calls',
  /** A reader and Postgres tell different ends. */
  'disagrees',
  /** A correct request was refused as if it were wrong. */
  'wrongly-refused',
] as const;
export type ViolationKind = (typeof violationKinds)[number];

/** One finding. */
export interface Violation {
  kind: ViolationKind;
  /** Key of the message; empty when it belongs to none that was sent. */
  key: string;
  /** What was seen, in ids and numbers. */
  detail: string;
}
