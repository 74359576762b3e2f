import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDemoModel } from '../../src/apps/demo-model/server.ts';
import { type TestStack, testStack } from '../support/stack.ts';

const program = fileURLToPath(new URL('../../dist/src/apps/cli/cli.main.js', import.meta.url));

let stack: TestStack;
beforeAll(async () => {
  stack = await testStack();
});
afterAll(() => stack.close());

/** Runs `parley models …` on the stack's settings, with `input` on its standard input. */
async function models(args: string[], input = ''): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [program, 'models', ...args], { env: { PATH: process.env['PATH'], ...stack.env } });
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, stdout, stderr };
}

describe('the operators’ commands for models', () => {
  it('keep the catalog', async () => {
    expect(await models(['set', 'house', '--window', '32000', '--tools', 'yes'])).toMatchObject({ code: 0, stderr: '' });
    expect(await models(['price', 'house', '--input', '5', '--output', '6', '--from', '2030-01-01'])).toMatchObject({ code: 0 });
    const listed = JSON.parse((await models(['list', '--json'])).stdout) as { name: string }[];
    expect(listed.find(({ name }) => name === 'house')).toMatchObject({
      ...{ window: 32_000, tools: true, vision: false, maxOutput: null },
      prices: [{ startsAt: Date.parse('2030-01-01'), input: 5, output: 6 }],
    });
    expect((await models(['set', 'house', '--window', 'many'])).stderr).toBe('--window must be a whole number that is not negative.\n');
    expect(await models(['remove', 'nobody'])).toMatchObject({ code: 1, stderr: 'The catalog has no model nobody.\n' });
  });

  it('keep credentials, whose secrets they never show, and routes', async () => {
    const provider = await startDemoModel({ apiKey: 'sk-from-standard-input' });
    const set = ['set-credential', 'main', '--kind', 'compatible', '--base-url', `${provider.url}/v1`];
    expect(await models(set, 'sk-wrong')).toMatchObject({ code: 1, stderr: 'The provider refuses this key. Nothing was saved.\n' });
    expect(await models(set, 'sk-from-standard-input\n')).toMatchObject({ code: 0, stderr: '' });
    await provider.close();
    const shown = await models(['credentials', '--json']);
    expect(JSON.parse(shown.stdout)).toMatchObject([{ name: 'main', kind: 'compatible' }]);
    expect(shown.stdout).not.toContain('sk-');
    const route = {
      targets: [
        { credential: 'main', model: 'gpt-4o' },
        { model: 'demo-small', tier: 1 },
      ],
    };
    expect(await models(['set-route', 'smart'], JSON.stringify(route))).toMatchObject({ code: 0, stderr: '' });
    expect((await models(['set-route', 'smart'], '{"targets":[{"model":"m","weight":0}]}')).stderr).toMatch(/targets\.0\.weight/);
    expect(JSON.parse((await models(['routes', '--json'])).stdout)).toMatchObject([
      { route: 'smart', tier: 0, credential: 'main', model: 'gpt-4o' },
      { route: 'smart', tier: 1, credential: 'default', model: 'demo-small' },
    ]);
    expect((await models(['remove-credential', 'main'])).stderr).toMatch(/A route uses main/);
  });
});
