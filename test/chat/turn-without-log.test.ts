import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Replica } from '../../src/platform/replicas/index.ts';
import { type ChatClient, openChat } from '../support/chat-client.ts';
import { asSuperuser } from '../support/services.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';

let stack: TestStack;
let tenant: TestTenant;
beforeAll(async () => {
  stack = await testStack();
  tenant = await stack.tenant();
});
afterAll(() => stack.close());

function open(url: string): Promise<ChatClient> {
  return openChat(`${url.replace('http', 'ws')}/v1/chat?bot_id=${tenant.botId}&visitor_id=lost-key`, { credential: tenant.apiKey });
}

it('P8: a turn that fails before its log is open ends as failed at once, and its reader is told', async () => {
  const doomed = await stack.replica({ DRAIN_TIMEOUT_MS: '0' });
  stack.model.scripts.add({ match: 'no-log-marker', scripts: [{ tokens: 900, tokens_per_second: 20 }] });
  const socket = await open(doomed.url);
  await socket.shows(socket.ask('no-log', 'no-log-marker'), 10);
  // The key of the visitor, which only that replica has in memory, can no longer be opened.
  await asSuperuser(stack.postgresUrl, stack.keystore, [
    `UPDATE wrapped_keys SET wrapped = decode('${randomBytes(76).toString('hex')}', 'hex') WHERE kind = 'visitor'`,
  ]);
  await doomed.app.get(Replica).stop();
  const [row] = await endedTurn();
  expect(row).toMatchObject({ state: 'failed', attempt: 2 });
  // Who asks hears so, instead of waiting for an answer that will not come.
  const reader = await open(stack.url);
  expect(await reader.problem(reader.resume('no-log'))).toMatchObject({ status: 500 });
  socket.ws.terminate();
  await doomed.stop();
});

/** The turn once it is no longer running: well before it would be taken up again. */
async function endedTurn(): Promise<{ state: string; attempt: number }[]> {
  const client = new pg.Client({ connectionString: Object.assign(new URL(stack.postgresUrl), { pathname: `/${stack.database}` }).href });
  await client.connect();
  try {
    for (const end = Date.now() + 10_000; Date.now() < end;) {
      const { rows } = await client.query<{ state: string; attempt: number }>(`SELECT state, attempt FROM turns WHERE state <> 'running'`);
      if (rows.length > 0) return rows;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('the turn still runs');
  } finally {
    await client.end();
  }
}
