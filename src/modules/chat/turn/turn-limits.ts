/**
 * How long a replica's heartbeat must have stood still before its turns are taken over, in milliseconds. With the time between
 * two heartbeats and the claim, a reader waits one to two seconds longer.
 */
export { goneAfterMs as leaseMs } from '../../../platform/replicas/index.ts';

/**
 * Runs of one turn at most, besides those that were put back into the queue: the first and four take-overs, not counting
 * drains. A turn that has lost five replicas will lose the sixth.
 */
export const maxAttempts = 5;

/** How long after its own deadline a turn may still be finished by its owner before others may claim it, in milliseconds. */
export const deadlineGraceMs = 30_000;

/** Messages of history that one prompt looks at: beyond this the window is full long before. */
export const maxHistoryMessages = 200;

/** Part of a model's window that a prompt leaves free besides the answer, since our tokenizer is not every model's. */
export const windowMargin = 0.05;

/** How long a finished turn's last chunks may take to reach Redis before its readers are sent to Postgres, in milliseconds. */
export const sealTimeoutMs = 10_000;

/** Turns that one sweep takes up, so that a replica that comes back to a long queue stays responsive. */
export const sweepBatch = 50;
