/** `npm start`: everything that Parley needs on this machine, then Parley, until Ctrl-C. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { lastWord, migrate, seedDemo, startServer } from './local/app.mjs';
import { startBackends } from './local/backends.mjs';
import { build } from './local/build.mjs';
import { resolveSettings } from './local/database-urls.mjs';
import { allowOrigin, chooseAccount, demoUrls, printSummary, readDemoFile, writeDemoFile } from './local/demo-account.mjs';
import { demoModelName, hasOwnModel, startDemoModel } from './local/demo-model.mjs';
import { describeError, LauncherError } from './local/launcher-error.mjs';
import { tryLock } from './local/locks.mjs';
import { followWarnings } from './local/log-files.mjs';
import { prepareRuntime } from './local/node-runtime.mjs';
import { root } from './local/paths.mjs';
import { portState } from './local/ports.mjs';
import { isAlive, waitUntil, watchNpm } from './local/processes.mjs';
import { fail, say, step, warn } from './local/progress.mjs';
import { openHome } from './local/secrets.mjs';
import { Supervisor } from './local/supervisor.mjs';

const begin = performance.now();

/** @param {NodeJS.ProcessEnv} env @returns {{ port: number, host: string, home: string }} */
function readPlace(env) {
  const port = Number(env.PORT || 3000);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new LauncherError(`PORT must be a number from 1 to 65535, not "${env.PORT}".`);
  return { port, host: env.HOST || '127.0.0.1', home: env.PARLEY_HOME ? resolve(env.PARLEY_HOME) : join(root, '.parley') };
}

/** @param {number} port @param {string} host @param {string} home */
async function checkPort(port, host, home) {
  const { pids } = readDemoFile(home) ?? {};
  // A server of ours whose launcher was killed is about to end.
  if (pids?.server !== undefined) await waitUntil(() => !isAlive(Number(pids.server)), { limitMs: 2_000 });
  const states = await Promise.all([...new Set([host, '127.0.0.1', '::1'])].map((address) => portState(port, address)));
  if (states.includes('taken'))
    throw new LauncherError(`Port ${port} is taken by another program; stop it, or choose another port: PORT=${port + 1} npm start`);
  if (states.includes('forbidden'))
    throw new LauncherError(`Port ${port} is not allowed for this user; choose one above 1023: PORT=3000 npm start`);
  if (states[0] === 'no-address') throw new LauncherError(`HOST is ${host}, and this machine has no such address.`);
}

/** @param {{ finish: (code: number) => void, supervisor: Supervisor, onExit: (work: () => void) => void }} run */
async function main({ finish, supervisor, onExit }) {
  if (existsSync(join(root, '.env'))) process.loadEnvFile(join(root, '.env'));
  const settings = resolveSettings(process.env);
  const { port, host, home } = readPlace(settings);
  openHome(home);
  const lock = tryLock(join(home, 'launcher.lock'));
  if ('heldBy' in lock)
    throw new LauncherError(
      `Parley already runs on ${home} (pid ${lock.heldBy}); stop it first, or set PARLEY_HOME to another folder and PORT to another port.`,
    );
  onExit(lock.release);
  await checkPort(port, host, home);

  const urls = demoUrls(port);
  /** @type {NodeJS.ProcessEnv} */
  const base = {
    ...settings,
    PORT: String(port),
    HOST: host,
    PUBLIC_URL: settings.PUBLIC_URL || urls.url,
    NODE_ENV: settings.NODE_ENV || 'production',
  };
  const built = step('build', async (note) => note((await build()).join(' and ') || 'up to date'));
  const [backends, model] = await Promise.all([startBackends(home, base, supervisor), startModel(home, base, built, supervisor), built]);
  if (model !== undefined)
    Object.assign(backends.env, {
      OPENAI_BASE_URL: `${model.service.url}/v1`,
      OPENAI_API_KEY: 'demo',
      MODEL_DEFAULT: settings.MODEL_DEFAULT || demoModelName,
    });
  await step('schema', async () => void (await migrate(backends.ownerEnv)));

  const account = await chooseAccount(home, backends.identity, () => step('demo data', () => seedDemo(backends.env)));
  const logFile = join(home, 'logs', 'server.log');
  const playground = account === undefined ? {} : { PARLEY_PLAYGROUND_KEY: account.publishable_key, PARLEY_PLAYGROUND_BOT: account.bot_id };
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  const server = await step('server', () =>
    supervisor.main(
      () => startServer({ env: { ...backends.env, ...playground }, logFile, readyUrl: `http://${address}:${port}/readyz` }),
      ({ code, signal }) =>
        `The server ended (${signal ?? `exit code ${code}`}), its last log line being "${lastWord(logFile)}"; the log is ${logFile}.`,
    ),
  );
  onExit(followWarnings(logFile, (text) => warn(`server: ${text}`)));

  if (account !== undefined) await allowOrigin(urls.url, account);

  const writeDemo = () =>
    writeDemoFile(home, {
      ...urls,
      ...account,
      model_url: model?.service.url ?? backends.env.OPENAI_BASE_URL,
      database: backends.identity,
      pids: {
        launcher: process.pid,
        server: server.pid,
        postgres: backends.kept.postgres?.pid,
        keystore: backends.kept.keystore?.pid,
        redis: backends.kept.redis?.pid,
        demo_model: model?.pid,
      },
    });
  writeDemo();
  supervisor.onRestart = writeDemo;
  printSummary({ ...urls, account, home, demoModel: model !== undefined, seconds: (performance.now() - begin) / 1000 });
  watchNpm(() => finish(0));
}

/** @param {string} home @param {NodeJS.ProcessEnv} env @param {Promise<void>} built @param {Supervisor} supervisor */
async function startModel(home, env, built, supervisor) {
  if (hasOwnModel(env)) return undefined;
  await built;
  const options = { env, logFile: join(home, 'logs', 'demo-model.log') };
  return step('demo model', () =>
    supervisor.keep('The demo model', (before) => startDemoModel({ ...options, ...(before && { port: before.port }) })),
  );
}

/** Starts, and ends in order on Ctrl-C, on a failure and when something that must run has ended. */
async function launch() {
  await prepareRuntime();
  /** @type {(() => void)[]} */
  const exits = [];
  /** @type {Promise<void> | undefined} */
  let ending;
  const supervisor = new Supervisor((sentence) => {
    fail(sentence);
    finish(1);
  });
  /** @param {number} code */
  function finish(code) {
    ending ??= supervisor
      .stopAll()
      .catch((error) => fail(describeError(error)))
      .then(() => {
        for (const exit of exits) exit();
        process.exit(code);
      });
  }
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => {
      if (ending === undefined) say('Stopping …');
      finish(signal === 'SIGINT' ? 130 : 143);
    });
  }
  process.on('uncaughtException', (error) => {
    fail(describeError(error));
    finish(1);
  });
  try {
    await main({ finish, supervisor, onExit: (work) => exits.push(work) });
  } catch (error) {
    if (!supervisor.stopping) fail(describeError(error));
    finish(1);
  }
}

await launch();
