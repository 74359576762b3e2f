/** `node scripts/with-services.mjs <command …>`: runs a command while the databases, Redis and the demo model are up, with their URLs in its environment. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startBackends } from './local/backends.mjs';
import { build } from './local/build.mjs';
import { migrate } from './local/app.mjs';
import { resolveSettings } from './local/database-urls.mjs';
import { demoModelName, hasOwnModel, startDemoModel } from './local/demo-model.mjs';
import { describeError, LauncherError } from './local/launcher-error.mjs';
import { tryLock } from './local/locks.mjs';
import { prepareRuntime } from './local/node-runtime.mjs';
import { projectEnv, root } from './local/paths.mjs';
import { dyingWithParent, watchNpm } from './local/processes.mjs';
import { fail, step } from './local/progress.mjs';
import { openHome } from './local/secrets.mjs';
import { Supervisor } from './local/supervisor.mjs';

/** @param {string[]} command @param {Supervisor} supervisor @returns {Promise<number>} the command's exit code */
async function main(command, supervisor) {
  if (command.length === 0) throw new LauncherError('Say which command to run: node scripts/with-services.mjs <command …>');
  if (existsSync(join(root, '.env'))) process.loadEnvFile(join(root, '.env'));
  const settings = resolveSettings(process.env);
  const home = settings.PARLEY_HOME ? resolve(settings.PARLEY_HOME) : join(root, '.parley-dev');
  openHome(home);
  const lock = tryLock(join(home, 'launcher.lock'));
  if ('heldBy' in lock)
    throw new LauncherError(`Services already run on ${home} (pid ${lock.heldBy}); stop them first, or set PARLEY_HOME to another folder.`);
  process.on('exit', lock.release);
  const built = step('build', async (note) => note((await build()).join(' and ') || 'up to date'));
  const [{ ownerEnv }] = await Promise.all([startBackends(home, settings, supervisor), built]);
  if (!hasOwnModel(settings)) {
    const options = { env: settings, logFile: join(home, 'logs', 'demo-model.log') };
    const model = await step('demo model', () =>
      supervisor.keep('The demo model', (before) => startDemoModel({ ...options, ...(before && { port: before.port }) })),
    );
    Object.assign(ownerEnv, {
      OPENAI_BASE_URL: `${model.service.url}/v1`,
      OPENAI_API_KEY: 'demo',
      MODEL_DEFAULT: settings.MODEL_DEFAULT || demoModelName,
    });
  }
  await step('schema', async () => void (await migrate(ownerEnv)));
  const [program = '', ...args] = dyingWithParent('SIGTERM', command);
  const child = spawn(program, args, { stdio: 'inherit', env: projectEnv(ownerEnv) });
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal));
  watchNpm(() => child.kill('SIGTERM'));
  return new Promise((done, failed) => {
    child.once('error', (error) => failed(new LauncherError(`${command[0]} cannot be run: ${error.message}`)));
    child.once('exit', (code, signal) => done(signal === null ? (code ?? 1) : 143));
  });
}

await prepareRuntime();
// Ctrl-C reaches the command from the terminal; the services end after it.
process.on('SIGINT', () => {});
const supervisor = new Supervisor((sentence) => fail(sentence));
let code = 1;
try {
  const command = process.argv.slice(2);
  code = await main(command[0] === '--' ? command.slice(1) : command, supervisor);
} catch (error) {
  fail(describeError(error));
}
await supervisor.stopAll();
process.exit(code);
