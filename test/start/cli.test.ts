import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publicId, uuidOf } from '../../src/kernel/ids.ts';
import { scripted, send } from '../support/event-stream.ts';
import { runParley } from '../support/operators-program.ts';
import { asSuperuser } from '../support/services.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';

let stack: TestStack;
let tenant: TestTenant;
beforeAll(async () => {
  stack = await testStack();
  tenant = await stack.tenant();
});
afterAll(() => stack.close());

const parley = (...args: string[]) => runParley(stack.env, args);

describe('the operators’ commands', () => {
  it('say how full the queue is and what the replicas carry', async () => {
    const status = await parley('queue', 'status', '--json');
    expect(status).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(status.stdout)).toMatchObject({ depth: 0, givenUp: 0, replicas: [{ role: 'all', slots: 500 }] });
    expect((await parley('queue', 'status')).stdout).toMatch(/^0 waiting, the oldest for 0.0 s; 0 given up\.\n/);
  });

  it('set the place of a tenant, and refuse what cannot be', async () => {
    expect(await parley('queue', 'share', tenant.tenantId, '--tier', '3', '--weight', '2.5')).toMatchObject({ code: 0 });
    const shares = await stack.system.run('turn-queue', (tx) => tx.query('SELECT tenant_id, tier, weight FROM turn_queues', []));
    expect(shares.rows).toEqual([{ tenant_id: tenant.tenantUuid, tier: 3, weight: 2.5 }]);
    expect(await parley('queue', 'share', tenant.tenantId, '--tier', '101')).toMatchObject({ code: 1, stdout: '' });
    expect((await parley('queue', 'share', publicId('tenant', randomUUID()))).stderr).toMatch(/^There is no tenant ten_/);
    expect((await parley('queue', 'share', 'nonsense')).stderr).toMatch(/is not the id of a tenant/);
  });

  it('list what was given up, and have it tried again', async () => {
    const answer = await (await send(stack.url, tenant, { conversation: 'cli', text: scripted({ tokens: 2 }) })).finished();
    const turn = answer.events[0]?.cursor.split(':')[0] ?? '';
    await asSuperuser(stack.postgresUrl, stack.database, [
      `UPDATE turns SET state = 'failed', given_up_at = now(), error_code = 'model_error' WHERE id = '${uuidOf('turn', turn) ?? ''}'`,
      `DELETE FROM messages WHERE turn_id = '${uuidOf('turn', turn) ?? ''}' AND role = 'assistant'`,
    ]);
    const listed = JSON.parse((await parley('dead-letters', 'list', '--json')).stdout) as object[];
    expect(listed).toMatchObject([{ kind: 'turn', id: turn, tenant: tenant.tenantId, error: 'model_error' }]);
    expect((await parley('dead-letters', 'redrive')).stderr).toBe('Name one id, or say --all.\n');
    expect(await parley('dead-letters', 'redrive', turn)).toMatchObject({ code: 0, stdout: '1 to be tried again.\n' });
    expect((await parley('dead-letters', 'redrive', turn)).stderr).toMatch(/is not among the dead letters/);
    const state = () =>
      stack.system.run(
        'turn-queue',
        async (tx) => (await tx.query('SELECT state FROM turns WHERE id = $1', [uuidOf('turn', turn)])).rows[0],
      );
    await expect.poll(state, { timeout: 10_000 }).toEqual({ state: 'completed' });
  });

  it('say in one sentence what is wrong', async () => {
    expect(await parley('dead-letters')).toMatchObject({ code: 1, stderr: 'Say `dead-letters list` or `dead-letters redrive`.\n' });
    const { DATABASE_URL: _url, ...env } = stack.env;
    const failed = await runParley(env, ['queue', 'status']);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/DATABASE_URL/);
    expect(failed.stderr).not.toMatch(/\n\s+at /);
  });
});
