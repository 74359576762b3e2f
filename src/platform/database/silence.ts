/** How long a server counts as silent after the last sign of it, in milliseconds. */
const countsMs = 2_000;
/** Meanwhile one transaction in this time is let through, to see whether it answers again, in milliseconds. */
const trialEveryMs = 500;

/** What a transaction is refused with while the server is silent. */
export const silentText = 'the database does not answer';

/**
 * What is known of a server that has fallen silent without closing its connections. Whoever finds out waits for the whole
 * time-out; those who come after are told at once, so that waits do not add up and nobody queues for nothing.
 */
export class Silence {
  private until = 0;
  private nextTrial = 0;
  private answeredAt = Number.NEGATIVE_INFINITY;

  /** Throws while the server is silent, but for a trial now and then. */
  enter(): void {
    const now = performance.now();
    if (now >= this.until) return;
    if (now < this.nextTrial) throw new Error(silentText);
    this.nextTrial = now + trialEveryMs;
  }

  /** The server has answered. */
  answered(): void {
    this.answeredAt = performance.now();
    this.until = 0;
  }

  /** A transaction that began at `began` (monotonic milliseconds) has failed. One dead connection among good ones is no silence. */
  failed(error: unknown, began: number): void {
    if (!isTimeout(error) || this.answeredAt > began) return;
    const now = performance.now();
    this.until = now + countsMs;
    // Who waited behind this one is not the next to wait for the whole time-out.
    this.nextTrial = Math.max(this.nextTrial, now + trialEveryMs);
  }
}

/** No answer came in time, to a statement or to a new connection. Postgres itself would have ended the statement before. */
function isTimeout(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { driverError } = error as { driverError?: unknown };
  const { message } = driverError instanceof Error ? driverError : error;
  return /Query read timeout|Connection terminated due to connection timeout/.test(message);
}
