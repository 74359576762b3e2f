/** How long a server counts as silent after the last sign of it, in milliseconds. */
const countsMs = 2_000;
/** Meanwhile one transaction in this time is let through, to see whether it answers again, in milliseconds. */
const trialEveryMs = 500;
/** How long a server that did not answer once is given to answer a question of our own, in milliseconds. */
const askedWithinMs = 700;

/** What a transaction is refused with while the server is silent. */
export const silentText = 'the database does not answer';

/**
 * What is known of a server that has fallen silent without closing its connections. Whoever finds out waits for the whole
 * time-out; those who come after are told at once, so that waits do not add up and nobody queues for nothing. A single time-out
 * is no proof (a busy machine, one dead connection): the server is asked once more first, and those who come meanwhile wait for that.
 */
export class Silence {
  private until = 0;
  private nextTrial = 0;
  private answeredAt = Number.NEGATIVE_INFINITY;
  private asking: Promise<void> | undefined;

  /** Throws (or rejects, after a moment) while the server is silent, but for a trial now and then. Nothing to wait for: undefined. */
  enter(): Promise<void> | undefined {
    if (this.asking !== undefined) return this.asking.then(() => this.enter());
    const now = performance.now();
    if (now >= this.until) return undefined;
    if (now < this.nextTrial) throw new Error(silentText);
    this.nextTrial = now + trialEveryMs;
    return undefined;
  }

  /** The server has answered. */
  answered(): void {
    this.answeredAt = performance.now();
    this.until = 0;
  }

  /**
   * A transaction that began at `began` (monotonic milliseconds) has failed. Where nobody was answered since, the server is asked by
   * `ask`, and counts as silent unless that resolves soon.
   */
  failed(error: unknown, began: number, ask: () => Promise<unknown>): void {
    if (!isTimeout(error) || this.answeredAt > began || this.asking !== undefined) return;
    if (performance.now() < this.until) return this.silent();
    this.asking = this.askOnce(ask());
  }

  private async askOnce(answer: Promise<unknown>): Promise<void> {
    const answers = await answersSoon(answer);
    this.asking = undefined;
    if (answers) this.answered();
    else this.silent();
  }

  private silent(): void {
    const now = performance.now();
    this.until = now + countsMs;
    // Who waited behind this one is not the next to wait for the whole time-out.
    this.nextTrial = Math.max(this.nextTrial, now + trialEveryMs);
  }
}

async function answersSoon(answer: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), askedWithinMs);
  });
  const answered = answer.then(
    () => true,
    () => false,
  );
  const result = await Promise.race([answered, late]);
  clearTimeout(timer);
  return result;
}

/** No answer came in time, to a statement or to a new connection. Postgres itself would have ended the statement before. */
function isTimeout(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { driverError } = error as { driverError?: unknown };
  const { message } = driverError instanceof Error ? driverError : error;
  return /Query read timeout|Connection terminated due to connection timeout/.test(message);
}
