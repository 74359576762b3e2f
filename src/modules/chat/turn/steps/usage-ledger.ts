import { countTokens, type ModelUsage } from '../../../models/index.ts';

/** Adds up what the calls for one answer have used: exact where the provider said it, estimated where a call broke. */
export class UsageLedger {
  private input = 0;
  private output = 0;
  private calls = 0;
  private estimated: boolean;

  /**
   * @param promptTokens our own count of the prompt
   * @param unknown true when there may have been calls of which nothing is known
   */
  constructor(
    private readonly promptTokens: number,
    unknown: boolean,
  ) {
    this.estimated = unknown;
  }

  /** A call without a count: it was given `prefix` besides the prompt, and brought `text`. */
  estimate(prefix: string, text: string): void {
    this.calls += 1;
    this.estimated = true;
    this.input += this.promptTokens + countTokens(prefix);
    this.output += countTokens(text);
  }

  /** A call that the provider has counted. */
  report(usage: ModelUsage): void {
    this.calls += 1;
    this.input += usage.inputTokens;
    this.output += usage.outputTokens;
  }

  /** All calls together; null when there was none. */
  total(): (ModelUsage & { estimated: boolean }) | null {
    if (this.calls === 0) return null;
    return { inputTokens: this.input, outputTokens: this.output, estimated: this.estimated };
  }
}
