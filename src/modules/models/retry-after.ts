import { clock } from '../../kernel/clock.ts';

/** A date as HTTP writes it (RFC 9110, IMF-fixdate). `Date.parse` alone takes "later 2099" for one. */
const httpDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** A plain decimal number; `Number` alone takes "0x10" and "" for one. */
const decimal = /^\d+(\.\d+)?$/;

/**
 * Milliseconds that a provider asks to wait: `retry-after-ms`, else `Retry-After` in seconds or as an HTTP date. Nonsense, negative
 * numbers and the past count as absent.
 */
export function retryAfterOf(headers: Headers | undefined): number | undefined {
  const precise = headers?.get('retry-after-ms')?.trim() ?? '';
  if (decimal.test(precise)) return Number(precise);
  const value = headers?.get('retry-after')?.trim() ?? '';
  if (decimal.test(value)) return Number(value) * 1_000;
  if (!httpDate.test(value)) return undefined;
  const wait = Date.parse(value) - clock.now();
  return wait > 0 ? wait : undefined;
}
