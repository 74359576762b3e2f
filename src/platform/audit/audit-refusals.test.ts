import { afterEach, expect, test } from 'vitest';
import { replaceClock } from '../../kernel/clock.ts';
import { newUuid } from '../../kernel/ids.ts';
import type { Statement, TenantDatabase, Transaction } from '../database/index.ts';
import { type AuditEntry, AuditRefusals } from './index.ts';

let now = 0;
const restore = replaceClock({ now: () => now });
afterEach(restore);

test('a flood of refusals writes a few a minute for each caller and tenant, and the next says how many it kept back', async () => {
  const written: [string, unknown][] = [];
  const forTenant = async (tenantId: string, work: (tx: Transaction) => Promise<unknown>) => {
    let last: () => Statement[] = () => [];
    await work({ hasEnded: false, beforeCommit: (statements: () => Statement[]) => (last = statements) } as unknown as Transaction);
    const inserting = last().find(({ sql }) => sql.startsWith('INSERT INTO audit_events'));
    const [row] = JSON.parse(inserting?.values[2] as string) as { detail: unknown }[];
    written.push([tenantId, row?.detail]);
  };
  const refusals = new AuditRefusals({ forTenant } as unknown as TenantDatabase);
  const entry = (user: string): AuditEntry => ({ actor: { kind: 'user', id: user }, action: 'access.refuse', outcome: 'refused' });
  const [flooded, calm] = [newUuid(), newUuid()];
  const flooder = newUuid();
  for (let n = 0; n < 100; n += 1) refusals.note(flooded, entry(flooder));
  refusals.note(calm, entry(newUuid()));
  await expect
    .poll(() => written)
    .toEqual([
      [flooded, null],
      [flooded, null],
      [flooded, null],
      [calm, null],
    ]);
  for (let n = 0; n < 200; n += 1) {
    refusals.note(flooded, entry(newUuid()));
    if (n % 10 === 0) await new Promise(setImmediate);
  }
  const ofFlooded = () => written.filter(([tenant]) => tenant === flooded);
  expect(ofFlooded()).toHaveLength(60);
  now += 60_000;
  refusals.note(flooded, entry(newUuid()));
  await expect.poll(() => ofFlooded().length).toBe(61);
  const withheld = ofFlooded().reduce((sum, [, detail]) => sum + ((detail as { withheld?: number } | null)?.withheld ?? 0), 0);
  expect(withheld + 61).toBe(100 + 200 + 1);
});
