import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PlanLimits, PlansAdmin } from '../../src/modules/plans/index.ts';
import { scripted, send, type Sending } from '../support/event-stream.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';

/* A copy of a send that was accepted is nothing new: no rate counts it, and none keeps it from its turn. */

const messagesPerMinute = 3;

let stack: TestStack;
beforeAll(async () => {
  stack = await testStack({ env: { CHAT_MESSAGES_PER_MINUTE: String(messagesPerMinute) } });
});
afterAll(() => stack.close());

/** Gives a tenant's plan these limits, and waits until this replica goes by them. */
async function limited(tenant: TestTenant, overrides: Record<string, number>, trialEndsAt: Date | null = null): Promise<void> {
  const given = await stack.app.get(PlansAdmin).assign(tenant.tenantUuid, { planId: 'enterprise', overrides, trialEndsAt });
  const plans = stack.app.get(PlanLimits);
  await vi.waitFor(async () => expect(await plans.of(tenant.tenantUuid)).toEqual(given), { timeout: 8_000, interval: 50 });
}

const message = (at: number): Sending => ({
  conversation: `copies-${at}`,
  messageId: `copied-${at}`,
  text: scripted({ tokens: 5 }, `copied-marker-${at}`),
});
/** Sends and reads to the end; gives the text and what is left of the visitor's messages. */
async function ask(tenant: TestTenant, sending: Sending) {
  const stream = await send(stack.url, tenant, sending);
  const { text } = await stream.finished();
  return { text, left: Number(/;r=(\d+)/.exec(stream.response.headers.get('ratelimit') ?? '')?.[1]) };
}
const served = () => stack.model.witness.entries({ match: 'copied-marker', limit: 100 }).entries.length;

describe('P2: a copy of a send', () => {
  it('does not count against the visitor’s messages, and joins when none is left', async () => {
    const tenant = await stack.tenant();
    const before = served();
    const first = await ask(tenant, message(1));
    expect(first).toEqual({ text: expect.stringMatching(/^t0/), left: messagesPerMinute - 1 });
    for (let copies = 0; copies < 2 * messagesPerMinute; copies += 1) {
      await vi.waitFor(async () => expect(await ask(tenant, message(1))).toEqual(first), { timeout: 2_000, interval: 20 });
    }
    for (let at = 2; at <= messagesPerMinute; at += 1) expect((await ask(tenant, message(at))).left).toBe(messagesPerMinute - at);
    await expect(ask(tenant, message(messagesPerMinute + 1))).rejects.toMatchObject({ status: 429 });
    expect(await ask(tenant, message(1))).toEqual({ text: first.text, left: 0 });
    // Other text under the same id is no copy.
    await expect(ask(tenant, { ...message(1), text: 'something else' })).rejects.toMatchObject({ status: 409 });
    await expect(ask(tenant, { ...message(1), text: 'something else', target: 'copied-1' })).rejects.toMatchObject({ status: 429 });
    expect(served() - before).toBe(messagesPerMinute);
  });

  it('does not count against the tenant’s requests, and joins when none is left', async () => {
    const tenant = await stack.tenant();
    await limited(tenant, { requests_per_minute: 2 });
    const first = await ask(tenant, message(1));
    for (let copies = 0; copies < 4; copies += 1)
      await vi.waitFor(async () => expect((await ask(tenant, message(1))).text).toBe(first.text), { timeout: 2_000, interval: 20 });
    expect((await ask(tenant, message(2))).left).toBe(messagesPerMinute - 2);
    await expect(ask(tenant, message(3))).rejects.toMatchObject({ status: 429, body: { limit: 'requests_per_minute' } });
    expect((await ask(tenant, message(2))).text).toBe(first.text);
  });

  it('joins after the trial has ended, when nothing new is let in', async () => {
    const tenant = await stack.tenant();
    const first = await ask(tenant, message(1));
    await limited(tenant, {}, new Date('2020-01-01T00:00:00Z'));
    await expect(ask(tenant, message(2))).rejects.toMatchObject({ status: 429, body: { code: 'quota_exceeded', limit: 'trial' } });
    expect(await ask(tenant, message(1))).toEqual(first);
  });

  it('P4: is another tenant’s or another visitor’s send all the same', async () => {
    const [tenant, other] = [await stack.tenant(), await stack.tenant()];
    await ask(tenant, message(1));
    await limited(other, {}, new Date('2020-01-01T00:00:00Z'));
    await expect(ask(other, message(1))).rejects.toMatchObject({ status: 429, body: { limit: 'trial' } });
  });
});
