import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import {
  askedOf,
  closeReplicas,
  grantedOf,
  learn,
  linesOf,
  minuteMs,
  newKey,
  replica,
  storedOf,
  taken,
  told,
  wanted,
} from '../../../../test/support/pacing-replicas.ts';
import type { PaceKey } from './pace.ts';
import type { Pacer } from './pacer.ts';

afterEach(closeReplicas);

/** Tokens; a tenth may go out at once. */
const limit = 100_000;
const burst = limit / 10;
/** What has flowed in since `begin`, at most, of so many a minute. */
const flowed = (perMinute: number, begin: number) => (perMinute * (performance.now() - begin)) / minuteMs + 1;
/** Longer than news are gathered, in milliseconds, and much shorter than an allowance would be of use. */
const soonMs = 900;

const fleet = () => [replica({ replicas: 3 }), replica({ replicas: 3 }), replica({ replicas: 3 })] as const;

/** Calls of one replica until one is refused: the tokens that were granted. */
async function allOf(pacer: Pacer, key: PaceKey, tokens: number): Promise<number> {
  let sum = 0;
  while ((await pacer.try(wanted(key, tokens))).granted) sum += tokens;
  return sum;
}

/** Milliseconds until a replica that goes on calling is refused. */
async function untilRefused(pacer: Pacer, key: PaceKey): Promise<number> {
  const begin = performance.now();
  while ((await pacer.try(wanted(key))).granted) {
    if (performance.now() - begin > 5_000) throw new Error('never refused');
    await sleep(2);
  }
  return performance.now() - begin;
}

describe('a key of which no limits are known', () => {
  it('costs a few exchanges a second, and none before a call', async () => {
    const [pacer, key] = [replica(), newKey()];
    const first = pacer.try(wanted(key));
    expect(askedOf(pacer)).toBe(1);
    await first;
    const before = askedOf(pacer);
    let askedFirst = 0;
    for (let at = 0; at < 500; at += 1) {
      const asked = askedOf(pacer);
      const call = pacer.try(wanted(key));
      askedFirst += askedOf(pacer) - asked;
      const pace = await call;
      if (!pace.granted) throw new Error('not granted');
      pacer.observe(key, { status: 200, headers: new Headers(), lease: pace.lease });
      pacer.settle(pace.lease, 5);
      await sleep(2);
    }
    expect(askedFirst).toBe(0);
    expect(askedOf(pacer) - before).toBeLessThanOrEqual(10);
    // All of them are told.
    await expect.poll(async () => total(await storedOf(key)), { interval: 5 }).toBe(501);
  });

  it('asks nothing while nobody calls', async () => {
    const [pacer, key] = [replica(), newKey()];
    pacer.settle(await taken(pacer, key), 10);
    const asked = askedOf(pacer);
    await sleep(soonMs);
    expect(askedOf(pacer) - asked).toBeLessThanOrEqual(1);
  });

  it('is limited on all replicas soon after a provider has told one of them', async () => {
    const [replicas, key] = [fleet(), newKey()];
    for (const pacer of replicas) await grantedOf(pacer, key, 5);
    const [one, ...others] = replicas;
    const lease = await taken(one, key);
    one.observe(key, { status: 200, headers: told({ limit: 1_000, left: 900, resetMs: 300_000 }), lease });
    const waits = await Promise.all(others.map((pacer) => untilRefused(pacer, key)));
    expect(Math.max(...waits)).toBeLessThan(soonMs);
    // What went out meanwhile has emptied the bucket: there is nothing more for anybody.
    for (const pacer of replicas) {
      expect(await grantedOf(pacer, key, 5)).toBe(0);
      expect(pacer.view()[0]?.tokens.limit).toBe(1_000);
    }
  });

  it('is paused at once where it was refused, and soon on all replicas', async () => {
    const [replicas, key] = [fleet(), newKey()];
    for (const pacer of replicas) await grantedOf(pacer, key, 5);
    const [one, ...others] = replicas;
    const lease = await taken(one, key);
    one.observe(key, { status: 429, headers: new Headers({ 'retry-after': '30' }), lease });
    expect(await grantedOf(one, key, 1)).toBe(0);
    const waits = await Promise.all(others.map((pacer) => untilRefused(pacer, key)));
    expect(Math.max(...waits)).toBeLessThan(soonMs);
    // A pause that is known need not be asked for.
    const asked = askedOf(one);
    expect(await grantedOf(one, key, 20)).toBe(0);
    expect(askedOf(one)).toBe(asked);
  });

  it('gets no second blow for calls that others granted before they knew of the first', async () => {
    const [[one, other], key] = [fleet(), newKey()];
    await learn(one, key, told({ limit: 10_000_000 }));
    const before = await taken(one, key);
    await grantedOf(other, key, 5);
    const unaware = await taken(other, key);
    one.observe(key, { status: 429, headers: new Headers({ 'retry-after-ms': '1' }), lease: before });
    await expect.poll(async () => Number((await storedOf(key))['share']), { interval: 5 }).toBeLessThan(1);
    other.observe(key, { status: 429, headers: new Headers({ 'retry-after-ms': '1' }), lease: unaware });
    const asked = askedOf(other);
    await expect.poll(() => askedOf(other), { interval: 5 }).toBeGreaterThan(asked);
    await expect.poll(() => other.view()[0]?.tokens.limit, { interval: 5 }).toBe(10_000_000);
    expect(Number((await storedOf(key))['share'])).toBeGreaterThan(0.8);
  });
});

describe('all that may be granted without asking', () => {
  it('is never more than there is, whatever else is asked for', async () => {
    const [[one, other, third], key] = [fleet(), newKey()];
    const begin = performance.now();
    await learn(one, key, told({ limit, left: limit, resetMs: 1 }));
    const asked = askedOf(one);
    // Each replica may go on by itself.
    let sum = 10 * ((await grantedOf(one, key, 20)) + (await grantedOf(other, key, 20)));
    expect(askedOf(one) - asked).toBeLessThanOrEqual(2);
    expect(holdsOf(await storedOf(key))).toHaveLength(2);
    // The third one asks for all of it. It leaves what the others hold.
    sum += await allOf(third, key, 100);
    const rest = (await allOf(one, key, 10)) + (await allOf(other, key, 10));
    expect(rest).toBeGreaterThan(1_000);
    expect(sum + rest).toBeGreaterThan(burst * 0.7);
    expect(sum + rest).toBeLessThanOrEqual(burst + flowed(limit, begin));
  });

  it('is never more than there are requests', async () => {
    const [[one, other, third], key] = [fleet(), newKey()];
    const begin = performance.now();
    const headers = new Headers({ 'x-ratelimit-limit-requests': '2000', 'x-ratelimit-remaining-requests': '1990' });
    one.observe(key, { status: 200, headers, lease: await taken(one, key) });
    await expect.poll(() => one.view()[0]?.requests.limit, { interval: 5 }).toBe(2_000);
    let sum = (await grantedOf(one, key, 10)) + (await grantedOf(other, key, 10));
    expect(holdsOf(await storedOf(key))).toHaveLength(2);
    for (const pacer of [third, one, other, third, one, other]) sum += (await allOf(pacer, key, 10)) / 10;
    expect(sum).toBeGreaterThan(150);
    expect(sum).toBeLessThanOrEqual(200 + flowed(2_000, begin));
  });

  it('is given up for whoever waits', async () => {
    const [[one, other, third], key] = [fleet(), newKey()];
    await learn(one, key, told({ limit }));
    await grantedOf(one, key, 5);
    await grantedOf(other, key, 5);
    // More than those two leave, although one of them goes on calling.
    const state = { waits: true };
    const waited = third.acquire(wanted(key, burst * 0.9)).finally(() => (state.waits = false));
    await expect.poll(() => linesOf(key), { interval: 5 }).toHaveLength(1);
    while (state.waits) {
      await one.try(wanted(key, 1));
      await sleep(5);
    }
    expect((await waited).tokens).toBe(burst * 0.9);
  });

  it('is nothing near a limit, and not for background work', async () => {
    const [pacer, near, background] = [replica(), newKey(), newKey()];
    await learn(pacer, near, told({ limit, left: limit * 0.19, resetMs: 60_000 }));
    await learn(pacer, background, told({ limit, left: limit, resetMs: 1 }));
    const asked = askedOf(pacer);
    await grantedOf(pacer, near, 5);
    await grantedOf(pacer, background, 5, { priority: 'background' });
    expect(askedOf(pacer) - asked).toBeGreaterThanOrEqual(10);
  });
});

describe('what a provider has left', () => {
  it('is less by what is granted without asking', async () => {
    const [[one, other], key] = [fleet(), newKey()];
    await learn(one, key, told({ limit, left: limit - 1, resetMs: 200_000 }));
    const leases = [await taken(one, key, 100), await taken(one, key, 100)];
    for (const lease of leases) one.settle(lease, 100);
    await expect.poll(async () => total(await storedOf(key)), { interval: 5 }).toBe(3);
    await taken(other, key, 100);
    expect(other.view()[0]?.tokens.remaining).toBe(limit - 301);
  });

  it('is never believed to be more than it is, although replicas tell late what they granted', async () => {
    const [replicas, key] = [fleet(), newKey()];
    let left = limit;
    const answer = () => told({ limit, left, resetMs: 200_000 });
    for (let round = 0; round < 300; round += 1) {
      const pacer = replicas[(round * 7 + Math.floor(round / 5)) % 3] ?? replicas[0];
      const pace = await pacer.try(wanted(key, 10 + (round % 13)));
      if (!pace.granted) throw new Error(`not granted in round ${round}`);
      left -= pace.lease.tokens;
      pacer.observe(key, { status: 200, headers: answer(), lease: pace.lease });
      await sleep(2);
    }
    await expect.poll(async () => total(await storedOf(key)), { interval: 5 }).toBe(300);
    const theirs = Number((await storedOf(key))['tokens:theirs']);
    expect(theirs).toBeLessThanOrEqual(left);
    // Nor to be much less.
    expect(theirs).toBeGreaterThan(left - limit * 0.05);
    expect(replicas.reduce((sum, pacer) => sum + askedOf(pacer), 0)).toBeLessThan(100);
  });
});

function holdsOf(stored: Record<string, string>): string[] {
  return Object.keys(stored).filter((field) => field.startsWith('hold:'));
}

/** Calls that Redis has heard of. */
function total(stored: Record<string, string>): number {
  return Number(stored['requests:total']) - Number(stored['requests:start']);
}
