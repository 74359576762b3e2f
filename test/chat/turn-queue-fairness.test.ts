import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scripted, send } from '../support/event-stream.ts';
import { urlAs } from '../support/services.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';

/*
 * Waits are counted in turns that were served meanwhile, not in seconds: that is what the order decides, and a busy machine
 * does not change it. The benchmark has the seconds.
 */

const each = 16;
const flood = 100 * each;

let stack: TestStack;
let superuser: pg.Client;
let polite: TestTenant[];
let flooding: TestTenant;
beforeAll(async () => {
  stack = await testStack({
    // Turns arrive many times faster than they are served: who waits does so in the line, and not on the way to it.
    env: { CHAT_MAX_RUNNING_TURNS: '4', CHAT_MESSAGES_PER_MINUTE: '1000000', CHAT_MAX_QUEUED_TURNS_PER_TENANT: String(2 * flood) },
  });
  superuser = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.database) });
  await superuser.connect();
  polite = [];
  for (let tenant = 0; tenant < 9; tenant += 1) polite.push(await stack.tenant());
  flooding = await stack.tenant();
}, 120_000);
afterAll(async () => {
  await superuser.end();
  await stack.close();
});

/** Sends `count` messages of one tenant, each in a conversation of its own; nobody reads the answers. */
async function sendMany(tenant: TestTenant, count: number, atOnce: number): Promise<void> {
  let left = count;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      const answer = await send(stack.url, tenant, {
        conversation: crypto.randomUUID(),
        text: scripted({ tokens: 1, first_token_ms: 150 }),
      });
      await answer.response.body?.cancel();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

interface Served {
  tenant: string;
  /** Turns that began between its arrival and its own beginning. */
  wait: number;
  /** Its number among all that began. */
  order: number;
}

/** All turns since `since` that have begun, in their order. */
async function served(since: Date): Promise<Served[]> {
  const { rows } = await superuser.query<{ tenant_id: string; created_at: Date; started_at: Date }>(
    `SELECT tenant_id, created_at, started_at FROM turns WHERE started_at IS NOT NULL AND started_at >= $1 ORDER BY started_at`,
    [since],
  );
  const starts = rows.map(({ started_at }) => started_at.getTime());
  return rows.map(({ tenant_id, created_at }, order) => ({
    tenant: tenant_id,
    order,
    wait: order - starts.filter((start) => start < created_at.getTime()).length,
  }));
}

async function politeRound(): Promise<Served[]> {
  const { rows } = await superuser.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  const since = rows[0]?.now as Date;
  await Promise.all(polite.map((tenant) => sendMany(tenant, each, each)));
  const ids = polite.map(({ tenantUuid }) => tenantUuid);
  await expect
    .poll(
      async () =>
        (
          await superuser.query(`SELECT 1 FROM turns WHERE tenant_id = ANY($1::uuid[]) AND created_at >= $2 AND state = 'completed'`, [
            ids,
            since,
          ])
        ).rowCount,
      { timeout: 60_000, interval: 100 },
    )
    .toBe(ids.length * each);
  return served(since);
}

function p95(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1] ?? 0;
}

/** Jain's index of fairness: 1 when all have the same. */
function jain(values: number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  return sum ** 2 / (values.length * values.reduce((total, value) => total + value ** 2, 0));
}

it('P9: a tenant that floods a hundredfold costs the others no more than its own turn in the line', async () => {
  const isPolite = ({ tenant }: Served) => polite.some(({ tenantUuid }) => tenantUuid === tenant);
  // Both rounds meet busy slots: otherwise the first ones alone would not wait at all.
  await sendMany(flooding, 4, 4);
  const alone = p95((await politeRound()).map(({ wait }) => wait));

  await sendMany(flooding, flood, 24);
  const waitsBefore = await superuser.query(`SELECT 1 FROM turns WHERE state = 'queued' AND tenant_id = $1`, [flooding.tenantUuid]);
  expect(waitsBefore.rowCount).toBeGreaterThan(flood / 3);
  const crowded = await politeRound();
  const others = crowded.filter(isPolite);
  const ratio = p95(others.map(({ wait }) => wait)) / alone;
  expect(ratio).toBeLessThanOrEqual(1.2);

  // While all ten have turns waiting: from the last arrival of a polite one until the first of them has none left.
  const lastOf = polite.map(({ tenantUuid }) =>
    Math.max(...others.filter(({ tenant }) => tenant === tenantUuid).map(({ order }) => order)),
  );
  const firstDone = Math.min(...lastOf);
  const arrived = Math.max(...others.map(({ order, wait }) => order - wait));
  const contested = crowded.filter(({ order }) => order >= arrived && order <= firstDone);
  expect(contested.length).toBeGreaterThan(25);
  const shares = [...polite, flooding].map(({ tenantUuid }) => contested.filter(({ tenant }) => tenant === tenantUuid).length);
  expect(jain(shares)).toBeGreaterThanOrEqual(0.95);
}, 180_000);
