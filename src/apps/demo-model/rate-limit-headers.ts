// Far above what a benchmark asks for: clients that pace themselves believe it.
const requestsPerMinute = 300_000;
const tokensPerMinute = 1_500_000_000;

/**
 * Counts requests and tokens per model and minute, and tells them in OpenAI's headers. It tells only: nothing is refused; a
 * script plays the 429, and `EnforcedLimits` means it. `now` is in milliseconds.
 */
export class RateLimitHeaders {
  readonly #windows = new Map<string, { minute: number; requests: number; tokens: number }>();

  /** Counts one request of `tokens` prompt tokens. The model must be one of ours: the map grows by it. */
  count(model: string, tokens: number, now = Date.now()): Record<string, string> {
    const minute = Math.floor(now / 60_000);
    let window = this.#windows.get(model);
    if (window === undefined || window.minute !== minute) {
      window = { minute, requests: 0, tokens: 0 };
      this.#windows.set(model, window);
    }
    window.requests++;
    window.tokens += tokens;
    const reset = `${((minute + 1) * 60_000 - now) / 1000}s`;
    return {
      'x-ratelimit-limit-requests': String(requestsPerMinute),
      'x-ratelimit-remaining-requests': String(Math.max(0, requestsPerMinute - window.requests)),
      'x-ratelimit-reset-requests': reset,
      'x-ratelimit-limit-tokens': String(tokensPerMinute),
      'x-ratelimit-remaining-tokens': String(Math.max(0, tokensPerMinute - window.tokens)),
      'x-ratelimit-reset-tokens': reset,
    };
  }
}
