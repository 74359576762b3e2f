/** `npm run check`: formatting, lint, types, direction of imports and the small tests (`-- --no-tests` leaves those out). One line each, details only for what fails. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, LauncherError } from './local/launcher-error.mjs';
import { prepareRuntime } from './local/node-runtime.mjs';
import { installedBin, projectEnv, root } from './local/paths.mjs';
import { run } from './local/processes.mjs';
import { fail, say, step } from './local/progress.mjs';

/** How many checks run at once. */
const lanes = 2;

/** @param {string} name @param {string[]} args */
async function tool(name, args) {
  const result = await run([installedBin(name), ...args], { cwd: root, env: projectEnv({ NO_COLOR: '1', FORCE_COLOR: undefined }) });
  if (result.code !== 0) throw new LauncherError('', result.output.trim());
  return result.stdout;
}

/** TypeScript sources that git knows and that are no tests. */
function knownSources() {
  const { stdout } = spawnSync('git', ['ls-files', '-z', 'src/**/*.ts'], { cwd: root, encoding: 'utf8' });
  return (stdout ?? '').split('\0').filter((file) => file !== '' && !file.endsWith('.test.ts') && existsSync(join(root, file)));
}

/** Runs dependency-cruiser; a run that has not seen every source would find nothing, and fails. @param {(text: string) => void} note */
async function importDirection(note) {
  const folders = ['src', 'migrations'].filter((folder) => existsSync(join(root, folder)));
  const command = [installedBin('depcruise'), '--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...folders];
  const { code, output, stdout } = await run(command, { cwd: root, env: projectEnv() });
  if (!stdout.startsWith('{')) throw new LauncherError('', output.trim() || `depcruise ended with exit code ${code}`);
  /** @type {{ modules: { source: string }[], summary: { violations: { from: string, to: string, rule: { name: string, severity: string } }[] } }} */
  const { modules, summary } = JSON.parse(stdout);
  const errors = summary.violations.filter(({ rule }) => rule.severity === 'error');
  if (errors.length > 0) throw new LauncherError('', errors.map(({ from, to, rule }) => `${rule.name}: ${from} -> ${to}`).join('\n'));
  const seen = new Set(modules.map((module) => module.source));
  const unseen = knownSources().filter((file) => !seen.has(file));
  if (unseen.length > 0) throw new LauncherError('', `${unseen.length} sources were not looked at:\n${unseen.slice(0, 20).join('\n')}`);
  note(`${seen.size} files`);
}

/** @type {[string, (note: (text: string) => void) => Promise<unknown>][]} */
const checks = [
  ['prettier', () => tool('prettier', ['--check', '--log-level', 'warn', '.'])],
  ['oxlint', () => tool('oxlint', ['--type-aware'])],
  ['types', () => tool('tsc', ['--noEmit', '-p', 'tsconfig.json', '--pretty', 'false'])],
  ['import direction', importDirection],
  ['small tests', () => tool('vitest', ['run', '--project', 'small'])],
];

await prepareRuntime();
let failures = 0;
// Whoever runs all tests next has no need of the small ones.
const waiting = checks.filter(([name]) => name !== 'small tests' || !process.argv.includes('--no-tests'));
const count = waiting.length;
/** Takes check after check from the list. */
async function lane() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const [name, work] = next;
    try {
      await step(name, work);
    } catch (error) {
      failures++;
      fail(`${name}${error instanceof LauncherError ? '' : ': '}${describeError(error)}\n`);
    }
  }
}
const begin = performance.now();
await Promise.all(Array.from({ length: lanes }, lane));
const seconds = ((performance.now() - begin) / 1000).toFixed(1);
say(failures === 0 ? `All ${count} checks passed in ${seconds} s.` : `${failures} of ${count} checks failed in ${seconds} s.`);
process.exit(failures === 0 ? 0 : 1);
