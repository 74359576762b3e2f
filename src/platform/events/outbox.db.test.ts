import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { urlAs } from '../../../test/support/services.ts';
import { type TestStack, testStack, type TestTenant } from '../../../test/support/stack.ts';
import { Outbox } from './outbox.ts';

let stack: TestStack;
let tenant: TestTenant;
let superuser: pg.Client;
beforeAll(async () => {
  stack = await testStack({ env: { QUEUE_RETRY_DELAY_MS: '20', QUEUE_MAX_RETRIES: '2' } });
  tenant = await stack.tenant();
  superuser = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.database) });
  await superuser.connect();
});
afterAll(async () => {
  await superuser.end();
  await stack.close();
});

it('P5: a job that fails each time is given up, is seen by an operator, and can be tried again', async () => {
  const outbox = stack.app.get(Outbox);
  const id = randomUUID();
  const payload = (turnIds: unknown) => JSON.stringify({ tenantId: tenant.tenantUuid, conversationId: randomUUID(), turnIds });
  await superuser.query(`INSERT INTO outbox (tenant_id, id, name, payload) VALUES ($1, $2, 'forget-turn-logs', $3)`, [
    tenant.tenantUuid,
    id,
    payload('not a list'),
  ]);
  const letter = async () => (await outbox.givenUp(10)).find((job) => job.id === id);
  await expect.poll(letter, { timeout: 15_000 }).toMatchObject({ tenantId: tenant.tenantUuid, name: 'forget-turn-logs' });
  // The kind of the error, never its text: that may quote content.
  expect((await letter())?.lastError).toBe('forget-turn-logs: ZodError');
  expect(await outbox.redrive(tenant.tenantUuid, randomUUID())).toBe(false);
  await superuser.query('UPDATE outbox SET payload = $2 WHERE id = $1', [id, payload([])]);
  expect(await outbox.redrive(tenant.tenantUuid, id)).toBe(true);
  await expect.poll(async () => (await superuser.query('SELECT 1 FROM outbox WHERE id = $1', [id])).rowCount, { timeout: 15_000 }).toBe(0);
});
