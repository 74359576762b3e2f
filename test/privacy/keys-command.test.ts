import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runParley } from '../support/operators-program.ts';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';

let stack: TestStack;
let tenant: TestTenant;
beforeAll(async () => {
  stack = await testStack();
  tenant = await stack.tenant();
});
afterAll(() => stack.close());

const keys = (args: string[], env: Record<string, string> = {}) => runParley({ ...stack.env, ...env }, ['keys', ...args]);

it(
  'keys rotate, move content, end old versions and are checked from the terminal, while the server serves',
  { timeout: 60_000 },
  async () => {
    const next = {
      PARLEY_MASTER_KEY: randomBytes(32).toString('base64'),
      PARLEY_MASTER_KEYS_OLD: stack.env['PARLEY_MASTER_KEY'] as string,
    };
    const of = ['--tenant', tenant.tenantId];
    expect(await keys(['rotate', '--level', 'tenant'])).toMatchObject({
      code: 1,
      stderr: 'Say --tenant: the id of a tenant (ten_…), or platform.\n',
    });
    expect(await keys(['rotate', '--level', 'tenant', ...of])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('has a new key') as string,
    });
    const trail = await stack.request('GET', '/v1/audit?limit=1', { token: tenant.accessToken });
    expect(trail.body.data).toMatchObject([{ action: 'key.rotate', actor: { kind: 'operator' }, detail: { level: 'tenant' } }]);
    const moved = await keys(['reencrypt', ...of]);
    expect(moved).toMatchObject({ code: 0, stdout: expect.stringMatching(/: [1-9]\d* looked at, [1-9]\d* changed, 0 closed/) as string });
    expect((await stack.request('GET', '/v1/bots', { token: tenant.accessToken })).status).toBe(200);
    expect(await keys(['retire', ...of])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^0 versions are retired\. 0 are kept/) as string,
    });
    expect(await keys(['rotate', '--level', 'master'], next)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^[3-9] keys and secrets/) as string,
    });
    // The running server has not been told of the next master key yet: what it has in memory goes on.
    const [status, verified] = await Promise.all([keys(['status', '--json'], next), keys(['verify', '--all'], next)]);
    const { keys: counts, jobs } = JSON.parse(status.stdout) as { keys: { level: string; state: string; keys: number }[]; jobs: object[] };
    expect(counts.find(({ level, state }) => level === 'tenant' && state === 'old')).toMatchObject({ keys: 1 });
    expect(jobs).toMatchObject([{ job: 'reencrypt', tenant: tenant.tenantId, state: 'done', closed: 0 }]);
    expect(verified).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('keys open') as string,
    });
  },
);
