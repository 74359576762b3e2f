import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { ConfigModule } from './config.module.ts';
import { ConfigError, defineTopic, entry, isOpenToOthers, loadTopics, setting } from './topic.ts';

const alpha = defineTopic('alpha', 'Alpha', {
  url: entry('ALPHA_URL', z.string().regex(/^http/, 'must start with http'), 'Where alpha is.'),
  size: entry('ALPHA_SIZE', setting.int(1, 10).default(5), 'How many.'),
  secret: entry('ALPHA_SECRET', z.string().min(8, 'is too short'), 'The secret.', { secret: true }),
});
const beta = defineTopic('beta', 'Beta', {
  names: entry('BETA_NAMES', setting.list().default([]), 'Names.'),
  on: entry('BETA_ON', setting.bool().default(false), 'On or off.'),
  mode: entry('BETA_MODE', z.enum(['one', 'two']), 'Which.'),
});

const folder = mkdtempSync(join(tmpdir(), 'parley-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string): string {
  const path = join(folder, `${Math.random()}`);
  writeFileSync(path, text);
  return path;
}

function problemsOf(env: NodeJS.ProcessEnv): string[] {
  try {
    loadTopics([alpha, beta], env);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).problems;
  }
}

const good = { ALPHA_URL: 'http://a', ALPHA_SECRET: 'long enough', BETA_MODE: 'two' };
const alphaOf = (env: NodeJS.ProcessEnv) => loadTopics([alpha, beta], { ...good, ...env }).get(alpha.token);
const betaOf = (env: NodeJS.ProcessEnv) => loadTopics([alpha, beta], { ...good, ...env }).get(beta.token);

test('values come out parsed, with defaults where nothing is set', () => {
  expect(alphaOf({ ALPHA_SIZE: '7' })).toEqual({ url: 'http://a', size: 7, secret: 'long enough' });
  expect(betaOf({ BETA_NAMES: ' a, b ,,c', BETA_ON: 'yes' })).toEqual({ names: ['a', 'b', 'c'], on: true, mode: 'two' });
  expect(betaOf({})).toEqual({ names: [], on: false, mode: 'two' });
});

test('an empty variable counts as absent', () => {
  expect(alphaOf({ ALPHA_SIZE: '' })).toMatchObject({ size: 5 });
  expect(problemsOf({ ...good, BETA_MODE: '' })).toEqual(['BETA_MODE is missing: Which.']);
});

test('every problem of every topic is told at once, and none of the values', () => {
  const env = { ALPHA_URL: 'ftp://wrong-value', ALPHA_SIZE: '4711', ALPHA_SECRET: 'sh0rt', BETA_ON: 'perhaps', BETA_MODE: 'three' };
  const problems = problemsOf(env);
  expect(problems).toHaveLength(5);
  for (const name of Object.keys(env))
    expect(
      problems.some((problem) => problem.startsWith(`${name} is wrong`)),
      name,
    ).toBe(true);
  expect(problems[0]).toBe('ALPHA_URL is wrong (must start with http): Where alpha is.');
  const { message } = new ConfigError(problems);
  for (const problem of problems) expect(message).toContain(problem);
  for (const value of Object.values(env)) expect(message).not.toContain(value);
});

test('what is missing is named with what it is for', () => {
  expect(problemsOf({})).toEqual([
    'ALPHA_URL is missing: Where alpha is.',
    'ALPHA_SECRET is missing: The secret.',
    'BETA_MODE is missing: Which.',
  ]);
});

test('a secret may be a file, whose trailing line break is not part of it', () => {
  expect(alphaOf({ ALPHA_SECRET: '', ALPHA_SECRET_FILE: file('from a file\n') })).toMatchObject({ secret: 'from a file' });
});

test('a secret that is set twice is refused, without either value', () => {
  const problems = problemsOf({ ...good, ALPHA_SECRET_FILE: file('another secret') });
  expect(problems).toEqual(['ALPHA_SECRET and ALPHA_SECRET_FILE are both set; keep one.']);
});

test('a secret file that cannot be read is named by its variable, not its path', () => {
  const path = join(folder, 'nowhere');
  const problems = problemsOf({ ...good, ALPHA_SECRET: undefined, ALPHA_SECRET_FILE: path });
  expect(problems).toEqual(['ALPHA_SECRET_FILE names a file that cannot be read.']);
});

test('a file that must be private is refused while others may read or change it', () => {
  const closed = defineTopic('closed', 'Closed', { key: entry('KEY', z.string(), 'A key.', { secret: true, privateFile: true }) });
  const path = file('very secret');
  const refused = [0o644, 0o604, 0o660, 0o602].filter((mode) => {
    chmodSync(path, mode);
    try {
      loadTopics([closed], { KEY_FILE: path });
      return false;
    } catch (error) {
      return (error as ConfigError).problems[0]?.startsWith('KEY_FILE names a file that others may read or change');
    }
  });
  expect(refused).toEqual([0o644, 0o604, 0o660, 0o602]);
  for (const mode of [0o400, 0o600, 0o440]) {
    chmodSync(path, mode);
    expect(loadTopics([closed], { KEY_FILE: path }).get(closed.token)).toEqual({ key: 'very secret' });
  }
});

test('a secret that a container runtime has put in its place may be readable, not writable', () => {
  const mounts = ['/run/secrets/master_key', '/var/run/secrets/key', '/home/run/secrets/key', '/run/secrets-of-mine'];
  expect(mounts.map((path) => isOpenToOthers(path, 0o100444))).toEqual([false, false, true, true]);
  expect(mounts.map((path) => isOpenToOthers(path, 0o100464))).toEqual([true, true, true, true]);
});

test('a wrong secret in a file is refused without its text', () => {
  const problems = problemsOf({ ...good, ALPHA_SECRET: undefined, ALPHA_SECRET_FILE: file('sh0rt') });
  expect(problems).toEqual(['ALPHA_SECRET is wrong (is too short): The secret.']);
});

test('only secrets may be files', () => {
  expect(problemsOf({ ...good, ALPHA_URL: undefined, ALPHA_URL_FILE: file('http://b') })).toEqual([
    'ALPHA_URL is missing: Where alpha is.',
  ]);
});

test.each(['1.5', 'abc', '0', '11', '1e400', 'Infinity', '-1', '0x'])('%s is no whole number from 1 to 10', (text) => {
  expect(problemsOf({ ...good, ALPHA_SIZE: text })).toHaveLength(1);
});

test('what Nest hands out cannot be changed', () => {
  const { providers } = ConfigModule.load([alpha, beta], { ...good });
  const values = (providers as { provide: string; useValue: Record<string, unknown> }[]).find(
    ({ provide }) => provide === alpha.token,
  )?.useValue;
  expect(values).toMatchObject({ url: 'http://a' });
  expect(() => Object.assign(values as object, { url: 'http://b' })).toThrow(TypeError);
});
