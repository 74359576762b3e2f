import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { LauncherError } from './launcher-error.mjs';
import { lastLine, openLog, parseEntry, tail } from './log-files.mjs';
import { root } from './paths.mjs';
import { run, startNodeChild, stopChild, waitUntil } from './processes.mjs';

const startLimitMs = 60_000;
/** A draining server lets its turns end; after this it is ended, and another start takes them over. */
const stopLimitMs = 10_000;

/** @param {string} name */
const entry = (name) => join(root, 'dist', 'src', 'apps', `${name}.main.js`);

/**
 * Brings the schema of both databases up to date.
 * @param {NodeJS.ProcessEnv} env with the owners' URLs
 * @returns {Promise<string>} what the command said
 */
export async function migrate(env) {
  const { code, output, stdout } = await run([process.execPath, '--enable-source-maps', entry('migrate')], { cwd: root, env });
  if (code !== 0)
    throw new LauncherError(output.trim().split('\n').at(-1) ?? 'The migrations failed.', process.env.PARLEY_DEBUG ? output : '');
  return stdout.trim();
}

/**
 * @typedef {{ email: string, password: string, api_key: string, publishable_key: string, tenant_id: string, bot_id: string }} DemoAccount
 */

/**
 * Makes the demo tenant.
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<DemoAccount | undefined>} its credentials, or undefined when it was there already
 */
export async function seedDemo(env) {
  const { code, output, stdout } = await run([process.execPath, '--enable-source-maps', entry('seed-demo')], { cwd: root, env });
  const line = stdout.split('\n').findLast((text) => text.startsWith('{'));
  if (code !== 0 || line === undefined) throw new LauncherError(output.trim().split('\n').at(-1) || 'The demo data could not be made.');
  const answer = JSON.parse(line);
  return answer.already === true ? undefined : answer;
}

/**
 * Starts the server and waits until it is ready. It writes its log itself.
 * @param {{ env: NodeJS.ProcessEnv, logFile: string, readyUrl: string }} options
 * @returns {Promise<import('./postgres.mjs').Service>}
 */
export async function startServer({ env, logFile, readyUrl }) {
  const log = openLog(logFile);
  const child = startNodeChild([entry('server')], { env, stdout: log, stderr: log, cwd: root });
  closeSync(log);
  const ready = await waitUntil(() => child.ended !== undefined || isReady(readyUrl), { everyMs: 25, limitMs: startLimitMs });
  if (child.ended !== undefined) throw new LauncherError(`The server did not start: ${lastWord(logFile)}`);
  if (!ready) {
    await stopChild(child, 'SIGTERM', stopLimitMs);
    throw new LauncherError(
      `The server was not ready after ${startLimitMs / 1000} s, its last log line being "${lastWord(logFile)}"; the log is ${logFile}.`,
    );
  }
  return {
    url: readyUrl,
    port: Number(new URL(readyUrl).port),
    pid: child.pid,
    exit: child.exit,
    stop: () => stopChild(child, 'SIGTERM', stopLimitMs),
  };
}

/** @param {string} url */
async function isReady(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}

/**
 * The last thing that a server said, warnings and plain text before everyday lines.
 * @param {string} logFile
 * @returns {string}
 */
export function lastWord(logFile) {
  const lines = tail(logFile)
    .split('\n')
    .filter((line) => line.trim() !== '');
  const recent = lines.slice(-20);
  const telling = recent.findLast((line) => {
    const entryOfLine = parseEntry(line);
    return entryOfLine === undefined ? !/^\s+(?:at |-)|^Node\.js v/.test(line) : entryOfLine.level >= 50;
  });
  return lastLine(telling ?? lines.at(-1) ?? '(nothing)').replace(/^\s*- /, '');
}
