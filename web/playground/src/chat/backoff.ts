/** WebSocket close codes of the chat endpoint. */
export const closeCodes = {
  badFrame: 1008,
  tooLarge: 1009,
  restart: 1012,
  overload: 1013,
  credential: 4401,
  origin: 4403,
  idle: 4408,
  rate: 4429,
} as const;

const waits: Record<number, { base: number; cap: number }> = {
  [closeCodes.restart]: { base: 200, cap: 5_000 },
  [closeCodes.overload]: { base: 3_000, cap: 30_000 },
  [closeCodes.rate]: { base: 5_000, cap: 60_000 },
};
const lost = { base: 500, cap: 15_000 };

/**
 * Milliseconds to wait before the next attempt: exponential, half of it fixed and half random, so that readers of a
 * restarted server do not return all at once.
 */
export function reconnectDelay(attempt: number, closeCode: number | undefined, random = Math.random): number {
  const { base, cap } = waits[closeCode ?? 0] ?? lost;
  const full = Math.min(cap, base * 2 ** attempt);
  return Math.round(full / 2 + (full / 2) * random());
}

/** Whether trying again with the same frames can help. */
export function isWorthRetrying(closeCode: number | undefined): boolean {
  return closeCode !== closeCodes.badFrame && closeCode !== closeCodes.tooLarge && closeCode !== closeCodes.origin;
}
