import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { LauncherError } from './launcher-error.mjs';
import { lastLine, openLog, tail } from './log-files.mjs';
import { root } from './paths.mjs';
import { startNodeChild, stopChild, waitUntil } from './processes.mjs';
import { step } from './progress.mjs';

/** The demo model that bots use which name none. */
export const demoModelName = 'demo-small';

/**
 * Whether the user brings a model of their own.
 * @param {NodeJS.ProcessEnv} env
 */
export function hasOwnModel(env) {
  return Boolean(env.OPENAI_API_KEY || env.OPENAI_BASE_URL || env.AZURE_OPENAI_ENDPOINT);
}

/**
 * Keeps a demo model running, once the build is there, unless the user brings a model.
 * @param {string} home @param {NodeJS.ProcessEnv} env @param {Promise<void>} built @param {import('./supervisor.mjs').Supervisor} supervisor
 */
export async function demoModelUnlessOwn(home, env, built, supervisor) {
  if (hasOwnModel(env)) return undefined;
  await built;
  const options = { env, logFile: join(home, 'logs', 'demo-model.log') };
  return step('demo model', () =>
    supervisor.keep('The demo model', (before) => startDemoModel({ ...options, ...(before && { port: before.port }) })),
  );
}

/**
 * The settings with which a server finds the demo model; none when there is no demo model.
 * @param {import('./supervisor.mjs').Kept | undefined} model @param {NodeJS.ProcessEnv} settings
 * @returns {NodeJS.ProcessEnv}
 */
export function modelSettings(model, settings) {
  if (model === undefined) return {};
  return {
    OPENAI_BASE_URL: `${model.service.url}/v1`,
    OPENAI_API_KEY: 'demo',
    MODEL_DEFAULT: settings.MODEL_DEFAULT || demoModelName,
  };
}

/**
 * Starts the demo model server on a loopback port. Its `url` has no path.
 * @param {{ env: NodeJS.ProcessEnv, logFile: string, port?: number }} options
 * @returns {Promise<import('./postgres.mjs').Service>}
 */
export async function startDemoModel({ env, logFile, port }) {
  for (let attempt = 1; ; attempt++) {
    const log = openLog(logFile);
    const script = [join(root, 'dist', 'src', 'apps', 'demo-model.main.js'), '--host', '127.0.0.1', '--port', String(port ?? 0)];
    const child = startNodeChild(script, { env, stdout: 'pipe', stderr: log, cwd: root });
    closeSync(log);
    let said = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => (said.length < 4096 ? (said += text) : undefined));
    await waitUntil(() => child.ended !== undefined || said.includes('\n'), { everyMs: 5, limitMs: 20_000 });
    const url = /"url":\s*"([^"]+)"/.exec(said)?.[1];
    if (child.ended === undefined && url !== undefined) {
      return {
        url: url.replace(/\/+$/, ''),
        port: Number(new URL(url).port),
        pid: child.pid,
        exit: child.exit,
        stop: () => stopChild(child, 'SIGTERM', 3_000),
      };
    }
    await stopChild(child, 'SIGKILL', 0);
    if (attempt === 4)
      throw new LauncherError(`The demo model did not start: ${lastLine(tail(logFile), /error/i)}; its log is ${logFile}.`);
  }
}
