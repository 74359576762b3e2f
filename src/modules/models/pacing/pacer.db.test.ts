import { afterEach, describe, expect, it } from 'vitest';
import {
  closeReplicas,
  forget,
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
import { clock } from '../../../kernel/clock.ts';
import type { PaceLease } from './pace.ts';
import type { Pacer } from './pacer.ts';

afterEach(closeReplicas);

describe('what a provider has said', () => {
  it('holds on all replicas; nothing said is no limit', async () => {
    const [one, other, key] = [replica(), replica(), newKey()];
    expect(await grantedOf(one, key, 50)).toBe(50);
    await learn(one, key, told({ limit: 1_000, left: 900, resetMs: 60_000 }));
    // A tenth may go out at once, and is shared.
    const granted = (await grantedOf(one, key, 7)) + (await grantedOf(other, key, 20));
    expect(granted).toBe(10);
    const refused = await other.try(wanted(key));
    expect(refused).toMatchObject({ granted: false });
    expect(other.view()).toMatchObject([{ key, tokens: { limit: 1_000, guessed: false }, waiting: 0 }]);
  });

  it('counts where others use the key too: the lower of both counts is believed', async () => {
    const [one, other, key] = [replica(), replica(), newKey()];
    await learn(one, key, told({ limit: 1_000, left: 45, resetMs: 200_000 }));
    expect(await grantedOf(other, key, 10)).toBe(3);
    // A window of the provider's clock: nothing comes before it begins anew.
    const pace = await other.try(wanted(key));
    expect(pace).toMatchObject({ granted: false });
    expect((pace as { waitMs: number }).waitMs).toBeGreaterThan(150_000);
  });

  it('is the most that a call may ask for only where answers count, too', async () => {
    const [one, other, key] = [replica(), replica(), newKey()];
    const onlyPrompts = new Headers({
      'anthropic-ratelimit-input-tokens-limit': '1000',
      'anthropic-ratelimit-input-tokens-remaining': '900',
    });
    await learn(one, key, onlyPrompts);
    await taken(other, key);
    for (const pacer of [one, other]) {
      expect([pacer.view()[0]?.tokens.limit, pacer.most(key)]).toEqual([1_000, undefined]);
    }
    one.observe(key, { status: 200, headers: told({ limit: 2_000, left: 900 }) });
    await expect.poll(() => one.most(key), { interval: 5 }).toBe(2_000);
  });

  it('is as old as the call that it answers: what was granted after that call is not in it', async () => {
    const [pacer, key] = [replica(), newKey()];
    const first = await taken(pacer, key, 10);
    await taken(pacer, key, 500);
    pacer.observe(key, { status: 200, headers: told({ limit: 1_000, left: 990, resetMs: 60_000 }), lease: first });
    await expect.poll(() => pacer.view()[0]?.tokens.remaining, { interval: 5 }).toBe(490);
  });

  it('is believed of requests too', async () => {
    const [pacer, key] = [replica(), newKey()];
    const lease = await taken(pacer, key);
    const headers = new Headers({ 'x-ratelimit-limit-requests': '50', 'x-ratelimit-remaining-requests': '40' });
    pacer.observe(key, { status: 200, headers, lease });
    await expect.poll(() => pacer.view()[0]?.requests.limit, { interval: 5 }).toBe(50);
    expect(await grantedOf(pacer, key, 20)).toBe(5);
  });

  it('P5: holds after Redis has lost it', async () => {
    const [pacer, key] = [replica(), newKey()];
    await learn(pacer, key, told({ limit: 1_000, left: 900, resetMs: 60_000 }));
    await forget(key);
    expect(await grantedOf(pacer, key, 30)).toBe(10);
  });

  it('holds for one credential and model alone', async () => {
    const [pacer, key] = [replica(), newKey()];
    await learn(pacer, key, told({ limit: 100, left: 1, resetMs: 60_000 }));
    expect(await grantedOf(pacer, key, 5)).toBe(0);
    expect(await grantedOf(pacer, { ...key, model: 'another' }, 5)).toBe(5);
    expect(await grantedOf(pacer, { ...key, credential: 'another' }, 5)).toBe(5);
  });
});

describe('a refusal', () => {
  it('pauses the key on all replicas as long as it asks, and no longer than the cap', async () => {
    const [one, other, key] = [replica(), replica(), newKey()];
    await learn(one, key, new Headers({ 'retry-after': '30' }), 429);
    const pace = await other.try(wanted(key));
    expect(pace).toMatchObject({ granted: false });
    expect((pace as { waitMs: number }).waitMs).toBeGreaterThan(28_000);
    expect((pace as { waitMs: number }).waitMs).toBeLessThanOrEqual(30_500);
    expect(other.view()[0]?.pausedUntil).toBeGreaterThan(clock.now() + 28_000);
    await expect(other.acquire(wanted(key))).rejects.toMatchObject({ failure: 'throttled', unserved: true });

    const far = newKey();
    await learn(one, far, new Headers({ 'retry-after': '99999999' }), 429);
    expect(one.view().find((view) => view.key.credential === far.credential)?.pausedUntil).toBeLessThanOrEqual(
      clock.now() + minuteMs + 500,
    );
  });

  it('slows the key down once for all calls that were under way, and the pace comes back', async () => {
    const windowMs = 200;
    const [pacer, key] = [replica({ windowMs }), newKey()];
    await learn(pacer, key, told({ limit: 10_000 }));
    const leases = await Promise.all([taken(pacer, key), taken(pacer, key), taken(pacer, key)]);
    const share = async () => Number((await storedOf(key))['share']);
    for (const lease of leases) pacer.observe(key, { status: 429, headers: new Headers({ 'retry-after-ms': '1' }), lease });
    await expect.poll(share, { interval: 5 }).toBeLessThan(1);
    expect(await share()).toBeGreaterThan(0.8);
    await expect
      .poll(async () => {
        await pacer.try(wanted(key));
        return share();
      })
      .toBe(1);
  });

  it('of a provider that tells no limits has one guessed', async () => {
    const [pacer, key] = [replica(), newKey()];
    const leases: PaceLease[] = [];
    for (let at = 0; at < 100; at += 1) leases.push(await taken(pacer, key));
    pacer.observe(key, { status: 429, headers: new Headers({ 'retry-after-ms': '1' }), lease: leases[99] });
    await expect.poll(() => pacer.view()[0]?.tokens, { interval: 5 }).toMatchObject({ guessed: true });
    const { limit = 0 } = pacer.view()[0]?.tokens ?? {};
    // What was lately let through, as far as it is remembered.
    expect(limit).toBeGreaterThan(900);
    expect(limit).toBeLessThan(1_000);
    expect((await pacer.try(wanted(key))).granted).toBe(false);
  });
});

describe('a share', () => {
  it('that was not used is given back, once', async () => {
    const [pacer, key] = [replica(), newKey()];
    await learn(pacer, key, told({ limit: 1_000, left: 1_000, resetMs: 0 }));
    const lease = await taken(pacer, key, 100);
    expect(await grantedOf(pacer, key, 3)).toBe(0);
    pacer.settle(lease, 40);
    pacer.settle(lease, 40);
    await expect.poll(async () => (await pacer.try(wanted(key, 50))).granted, { interval: 5 }).toBe(true);
    expect(await grantedOf(pacer, key, 3)).toBe(1);
  });

  it('that was not counted is not given back: no limit was known then', async () => {
    const [pacer, key] = [replica(), newKey()];
    const early = [await taken(pacer, key, 300), await taken(pacer, key, 300)];
    await learn(pacer, key, told({ limit: 1_000 }));
    for (const lease of early) pacer.settle(lease, 0);
    const lease = await taken(pacer, key, 100);
    pacer.settle(lease, 90);
    await expect.poll(async () => (await pacer.try(wanted(key, 10))).granted, { interval: 5 }).toBe(true);
    expect(await grantedOf(pacer, key, 3)).toBe(0);
  });

  it('of which nobody knows what was used is not given back', async () => {
    const [pacer, key] = [replica(), newKey()];
    await learn(pacer, key, told({ limit: 1_000 }));
    pacer.settle(await taken(pacer, key, 100), undefined);
    const other = await taken(pacer, newKey(), 100);
    pacer.settle(other, 0);
    expect(await grantedOf(pacer, key, 3)).toBe(0);
  });
});

describe('who waits', () => {
  /** 100 tokens a second, 10 at once. */
  const windowMs = 1_000;
  const limit = told({ limit: 100 });

  it('goes in the order of coming, live calls first, on one replica and across', async () => {
    const [one, other, key] = [replica({ windowMs }), replica({ windowMs }), newKey()];
    await learn(one, key, limit);
    await grantedOf(one, key, 2);
    const order: string[] = [];
    const wait = async (pacer: Pacer, name: string, priority: 'live' | 'background' = 'live') => {
      await pacer.acquire(wanted(key, 10, { priority }));
      order.push(name);
    };
    const all = [wait(one, 'late background', 'background'), wait(one, 'one 1'), wait(one, 'one 2')];
    await expect.poll(() => linesOf(key), { interval: 5 }).toHaveLength(1);
    all.push(wait(other, 'other 1'), wait(other, 'other 2'));
    await Promise.all(all);
    expect(order.at(-1)).toBe('late background');
    expect(order.filter((name) => name.startsWith('one'))).toEqual(['one 1', 'one 2']);
    expect(order.indexOf('one 1')).toBeLessThan(order.indexOf('other 1'));
    expect(order.filter((name) => name.startsWith('other'))).toEqual(['other 1', 'other 2']);
  });

  it('is told so when it would be too late, before it is', async () => {
    const [pacer, key] = [replica({ windowMs: 60_000 }), newKey()];
    await learn(pacer, key, limit);
    await grantedOf(pacer, key, 2);
    const begin = performance.now();
    const waits = Array.from({ length: 3 }, () => pacer.acquire(wanted(key, 10, { deadlineAt: clock.now() + 7_000 })));
    const outcomes = waits.slice(1).map((wait) =>
      wait.then(
        () => 'granted',
        (error: { failure: string }) => error.failure,
      ),
    );
    waits[0]?.catch(() => undefined);
    expect(await outcomes[1]).toBe('throttled');
    expect(performance.now() - begin).toBeLessThan(2_000);
    await expect(pacer.acquire(wanted(key, 10, { deadlineAt: clock.now() - 1 }))).rejects.toMatchObject({ failure: 'throttled' });
  });

  it('leaves with its signal or at its deadline, and leaves nothing behind', async () => {
    const [one, other, key] = [replica(), replica(), newKey()];
    await learn(one, key, told({ limit: 1_000, left: 0, resetMs: 300_000 }));
    const abort = new AbortController();
    const aborted = one.acquire(wanted(key, 10, { signal: abort.signal, deadlineAt: clock.now() + 3_600_000 }));
    await expect.poll(() => one.view()[0]?.waiting, { interval: 5 }).toBe(1);
    await expect.poll(() => linesOf(key), { interval: 5 }).toHaveLength(1);
    abort.abort();
    await expect(aborted).rejects.toMatchObject({ failure: 'aborted', unserved: true });
    await expect.poll(() => linesOf(key), { interval: 5 }).toHaveLength(0);
    await expect(other.acquire(wanted(key, 10, { deadlineAt: clock.now() + 100 }))).rejects.toMatchObject({ failure: 'throttled' });
    await expect(other.acquire(wanted(key, 10, { signal: AbortSignal.abort() }))).rejects.toMatchObject({ failure: 'aborted' });
    expect(other.view()[0]?.waiting).toBe(0);
  });

  it('for background work gets what live turns leave', async () => {
    const [pacer, key] = [replica(), newKey()];
    await learn(pacer, key, told({ limit: 1_000 }));
    // A fifth of what may go out at once stays free.
    expect(await grantedOf(pacer, key, 20, { priority: 'background' })).toBe(8);
    expect(await grantedOf(pacer, key, 20)).toBe(2);
  });

  it('in the background waits while a live call waits on another replica', async () => {
    const [one, other, key] = [replica(), replica(), newKey()];
    await learn(one, key, told({ limit: 1_000 }));
    expect((await other.try(wanted(key, 10, { priority: 'background' }))).granted).toBe(true);
    // Too large for what is there now, so it waits.
    await grantedOf(one, key, 5);
    const abort = new AbortController();
    const waits = one.acquire(wanted(key, 90, { signal: abort.signal, deadlineAt: clock.now() + 3_600_000 }));
    await expect.poll(async () => (await other.try(wanted(key, 1, { priority: 'background' }))).granted, { interval: 5 }).toBe(false);
    abort.abort();
    await expect(waits).rejects.toMatchObject({ failure: 'aborted' });
    await expect.poll(async () => (await other.try(wanted(key, 1, { priority: 'background' }))).granted, { interval: 5 }).toBe(true);
  });
});

describe('without Redis', () => {
  it('a replica takes its part of the limits that it remembers, and all where it remembers none', async () => {
    const [away, key] = [replica({ url: 'redis://127.0.0.1:1' }), newKey()];
    expect(await grantedOf(away, key, 50)).toBe(50);
    away.observe(key, { status: 200, headers: told({ limit: 2_000, left: 2_000 }) });
    // A tenth of nine tenths of a half.
    expect(await grantedOf(away, key, 50)).toBe(9);
    away.observe(key, { status: 429, headers: new Headers({ 'retry-after': '20' }) });
    const pace = await away.try(wanted(key));
    expect((pace as { waitMs: number }).waitMs).toBeGreaterThan(19_000);
    await expect(away.acquire(wanted(key, 10, { deadlineAt: clock.now() + 100 }))).rejects.toMatchObject({ failure: 'throttled' });
  });
});
