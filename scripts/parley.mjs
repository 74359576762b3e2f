/** `npm run parley -- …`: operator commands on the Parley that runs here, or on the one that the environment names. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from './local/build.mjs';
import { describeError } from './local/launcher-error.mjs';
import { settingsFile } from './local/foundation.mjs';
import { prepareRuntime } from './local/node-runtime.mjs';
import { root } from './local/paths.mjs';

/** @param {unknown} error @returns {never} */
function stop(error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exit(1);
}

await prepareRuntime();
await build().catch(stop);
const home = process.env.PARLEY_HOME ? resolve(process.env.PARLEY_HOME) : join(root, '.parley');
const settings = settingsFile(home);
const local = process.env.DATABASE_URL === undefined && existsSync(settings) ? JSON.parse(readFileSync(settings, 'utf8')) : {};
const child = spawn(
  process.execPath,
  ['--enable-source-maps', join(root, 'dist', 'src', 'apps', 'cli', 'cli.main.js'), ...process.argv.slice(2)],
  {
    stdio: 'inherit',
    env: { ...process.env, ...local },
  },
);
child.on('exit', (code) => process.exit(code ?? 1));
