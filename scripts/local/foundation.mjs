import { migrate } from './app.mjs';
import { startBackends } from './backends.mjs';
import { build } from './build.mjs';
import { demoModelUnlessOwn, modelSettings } from './demo-model.mjs';
import { join } from 'node:path';
import { step } from './progress.mjs';
import { writePrivately } from './secrets.mjs';

/** What the operators' commands need of a running installation. */
const forOperators = [
  'DATABASE_URL',
  'DATABASE_SYSTEM_URL',
  'KEYSTORE_URL',
  'REDIS_URL',
  'PARLEY_MASTER_KEY',
  'OPENAI_BASE_URL',
  'OPENAI_API_KEY',
];

/** Where an installation keeps the settings with which operators' commands reach it; only its owner may read it. @param {string} home */
export function settingsFile(home) {
  return join(home, 'operator-env.json');
}

/** @typedef {{ backends: import('./backends.mjs').Backends, model: import('./supervisor.mjs').Kept | undefined }} Foundation */

/**
 * Everything that a server stands on: the build, databases with their schema, Redis, and a demo model unless the user brings one.
 * `backends.env` is then the server's environment.
 * @param {string} home folder of this installation
 * @param {NodeJS.ProcessEnv} env settings, resolved
 * @param {import('./supervisor.mjs').Supervisor} supervisor
 * @returns {Promise<Foundation>}
 */
export async function startFoundation(home, env, supervisor) {
  const built = step('build', async (note) => note((await build()).join(' and ') || 'up to date'));
  const [backends, model] = await Promise.all([
    startBackends(home, env, supervisor),
    demoModelUnlessOwn(home, env, built, supervisor),
    built,
  ]);
  const extra = modelSettings(model, env);
  Object.assign(backends.env, extra);
  Object.assign(backends.ownerEnv, extra);
  await step('schema', async () => void (await migrate(backends.ownerEnv)));
  writePrivately(
    settingsFile(home),
    `${JSON.stringify(Object.fromEntries(forOperators.map((name) => [name, backends.env[name]])), null, 2)}\n`,
  );
  return { backends, model };
}
