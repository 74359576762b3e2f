import { describe, expect, it } from 'vitest';
import { closeCodes, isWorthRetrying, reconnectDelay } from './backoff.ts';

describe('reconnectDelay', () => {
  it('doubles up to a cap, with half of it random', () => {
    expect(reconnectDelay(0, undefined, () => 0)).toBe(250);
    expect(reconnectDelay(0, undefined, () => 1)).toBe(500);
    expect(reconnectDelay(2, undefined, () => 1)).toBe(2000);
    expect(reconnectDelay(30, undefined, () => 1)).toBe(15_000);
  });

  it('returns quickly to a restarted server and slowly to a busy one', () => {
    const first = (code: number) => reconnectDelay(0, code, () => 1);
    expect(first(closeCodes.restart)).toBeLessThan(first(1006));
    expect(first(closeCodes.overload)).toBeGreaterThan(first(1006));
    expect(first(closeCodes.rate)).toBeGreaterThan(first(closeCodes.overload));
  });

  it('does not repeat what was refused for good', () => {
    expect([closeCodes.badFrame, closeCodes.tooLarge, closeCodes.origin].some(isWorthRetrying)).toBe(false);
    expect([1006, closeCodes.restart, closeCodes.credential, undefined].every(isWorthRetrying)).toBe(true);
  });
});
