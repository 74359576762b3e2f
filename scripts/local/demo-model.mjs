import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { LauncherError } from './launcher-error.mjs';
import { lastLine, openLog, tail } from './log-files.mjs';
import { root } from './paths.mjs';
import { startNodeChild, stopChild, waitUntil } from './processes.mjs';

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
