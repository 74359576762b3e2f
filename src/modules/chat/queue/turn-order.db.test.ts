import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestStack, testStack, type TestTenant } from '../../../../test/support/stack.ts';
import { advanceClock, givePlacesBack, setQueueShare, takePlace } from './turn-order.ts';

let stack: TestStack;
let tenants: TestTenant[];
beforeAll(async () => {
  stack = await testStack();
  tenants = [await stack.tenant(), await stack.tenant()];
});
afterAll(() => stack.close());

const place = (at: number) => {
  const id = tenants[at]?.tenantUuid ?? '';
  return stack.db.forTenant(id, (tx) => takePlace(tx, id, 10));
};
const share = (at: number, tier: number, weight = 1) => {
  const id = tenants[at]?.tenantUuid ?? '';
  return stack.db.forTenant(id, (tx) => setQueueShare(tx, id, { tier, weight }));
};
const advance = (tier: number, at: number) => stack.system.run('turn-queue', (tx) => advanceClock(tx, tier, at));

describe('the virtual clock', () => {
  it('gives each tenant places one after the other, 1/weight apart, and begins where the clock stands', async () => {
    expect([(await place(0)).virtualStart, (await place(0)).virtualStart]).toEqual([0, 1]);
    await advance(0, 40);
    await advance(0, 30);
    expect([(await place(0)).virtualStart, (await place(1)).virtualStart]).toEqual([40, 40]);
    await share(1, 0, 4);
    expect([(await place(1)).virtualStart, (await place(1)).virtualStart]).toEqual([41, 41.25]);
  });

  it('has a tier of its own for each: nobody takes along what was served in another', async () => {
    await advance(0, 5_000);
    await place(0);
    await share(0, 7);
    await share(1, 7);
    expect([(await place(0)).virtualStart, (await place(1)).virtualStart]).toEqual([0, 0]);
    await share(0, 0);
    expect((await place(0)).virtualStart).toBe(5_000);
  });

  it('does not charge for places that were given back', async () => {
    const id = tenants[0]?.tenantUuid ?? '';
    const first = await place(0);
    for (let taken = 0; taken < 20; taken += 1) await place(0);
    await stack.db.forTenant(id, (tx) => givePlacesBack(tx, id, 20));
    expect((await place(0)).virtualStart).toBe(first.virtualStart + 1);
  });

  it('counts what waits of the tenant only as far as asked', async () => {
    expect((await place(0)).waiting).toBe(0);
  });
});
