import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mailServer } from '../../../../test/support/mail-server.ts';
import { type TestStack, testStack, type TestTenant } from '../../../../test/support/stack.ts';
import { changed, rows } from '../../../platform/database/index.ts';
import { Outbox } from '../../../platform/events/index.ts';
import { usageThresholdReached } from '../plans.events.ts';

let stack: TestStack;
let tenant: TestTenant;
const lines: string[] = [];

/** Publishes that the tenant has used so much of 100 tokens, as `Thresholds` does. */
function reach(percent: number, announced = percent): Promise<void> {
  const { tenantUuid: tenantId } = tenant;
  const startsAt = '2026-11-01T00:00:00.000Z';
  return stack.db.forTenant(tenantId, async (tx) => {
    await changed(
      tx,
      `INSERT INTO usage_counters (tenant_id, subject, starts_at, announced) VALUES ($1, $1, $2, $3)
       ON CONFLICT (tenant_id, subject, starts_at, slot) DO UPDATE SET announced = excluded.announced`,
      [tenantId, new Date(startsAt), JSON.stringify({ 'tokens_per_month:100': announced })],
    );
    const payload = { tenantId, limit: 'tokens_per_month' as const, quota: 100, percent, startsAt };
    await stack.app.get(Outbox).publish(tx, usageThresholdReached, payload);
  });
}

/** Jobs that are not done, and why they were given up. */
const left = () =>
  stack.db.forTenant(tenant.tenantUuid, (tx) =>
    rows<{ error: string | null }>(tx, 'SELECT last_error AS error FROM outbox WHERE tenant_id = $1', [tenant.tenantUuid]),
  );
const done = () => expect.poll(left, { timeout: 10_000 }).toEqual([]);

describe('with a mail server', () => {
  let mail: Awaited<ReturnType<typeof mailServer>>;
  const mailsTo = (email: string) => mail.kept.filter(({ to, text }) => to.includes(email) && /Subject: .*used/.test(text));
  const mails = () => mailsTo(tenant.email);

  beforeAll(async () => {
    mail = await mailServer();
    const smtp = { SMTP_URL: mail.url, MAIL_FROM: 'Parley <parley@example.com>' };
    stack = await testStack({ env: { ...smtp, QUEUE_RETRY_DELAY_MS: '20', QUEUE_MAX_RETRIES: '2' }, onLog: (line) => lines.push(line) });
  });
  afterAll(async () => {
    await stack.close();
    await mail.stop();
  });
  beforeEach(async () => {
    tenant = await stack.tenant();
    // The mail of the sign-up.
    await done();
  });

  it('P7: the owners of the tenant get a mail, nobody else does, and the log knows no address', async () => {
    const other = await stack.tenant();
    await reach(50);
    await done();
    expect(mails()).toMatchObject([{ from: 'parley@example.com', to: [tenant.email] }]);
    expect(mailsTo(other.email)).toEqual([]);
    const text = mails()[0]?.text ?? '';
    expect(text).toMatch(/^Subject: 50 % of this month's tokens used: Test tenant\r$/m);
    expect(text).toMatch(/^Message-ID:\s+<usage-.*-tokens_per_month-100-50-2026-11@parley>\r$/m);
    expect(text).toMatch(/Nothing is refused yet/);
    await reach(100);
    await done();
    expect(mails()[1]?.text).toMatch(/New messages are refused/);
    expect(lines.join('\n')).not.toContain(tenant.email);
  });

  it('who has crossed the next threshold meanwhile gets one mail, of the higher', async () => {
    await reach(50, 100);
    await reach(80, 100);
    await reach(100);
    await done();
    expect(mails().map(({ text }) => /^Subject: (\d+)/m.exec(text)?.[1])).toEqual(['100']);
  });

  it('a mail that is put off is sent later, one that is refused for good is given up', async () => {
    Object.assign(mail.refusal, { times: 1, responseCode: 451 });
    const failed = () => lines.some((line) => line.includes('mail-usage-threshold') && line.includes('job failed'));
    expect(failed()).toBe(false);
    await reach(50);
    await expect.poll(failed, { timeout: 10_000 }).toBe(true);
    await done();
    expect(mails()).toHaveLength(1);
    Object.assign(mail.refusal, { times: 1, responseCode: 550 });
    await reach(80);
    await expect.poll(left, { timeout: 10_000 }).toEqual([{ error: 'mail-usage-threshold: GiveUp' }]);
    expect(lines.join('\n')).not.toMatch(/refused by the test/);
  });
});

describe('without a mail server', () => {
  it('the job ends quietly, and the log says so once at start', async () => {
    const said: string[] = [];
    stack = await testStack({ onLog: (line) => said.push(line) });
    tenant = await stack.tenant();
    await reach(50);
    await done();
    expect(said.filter((line) => line.includes('SMTP_URL is not set'))).toHaveLength(1);
    expect(said.some((line) => line.includes('job failed'))).toBe(false);
    await stack.close();
  });
});
