import { appendFileSync, closeSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { LauncherError } from './launcher-error.mjs';
import { lastLine, openLog, tail } from './log-files.mjs';
import { freePort } from './ports.mjs';
import { dyingWithParent, startChild, stopChild, waitUntil } from './processes.mjs';
import { proxyConfig } from './proxy-config.mjs';
import { proxyProgram } from './proxy-programs.mjs';
import { writePrivately } from './secrets.mjs';

/** @typedef {import('./proxy-config.mjs').Target} Target */
/**
 * @typedef {object} ProxyOptions
 * @property {import('./proxy-programs.mjs').ProxyKind} kind
 * @property {string} dir folder for its configuration and everything that it writes
 * @property {number} [port] on 127.0.0.1; a free one unless given
 * @property {Target[]} replicas
 * @property {import('./proxy-config.mjs').ProxyTls} [tls] a second port, with TLS
 * @property {string} logFile
 * @property {import('./proxy-config.mjs').ProxyLimits} [limits] of each client address; nginx and HAProxy only
 */
/** @typedef {import('./postgres.mjs').Service & { setReplicas: (replicas: Target[]) => Promise<void> }} RunningProxy */

const startLimitMs = 20_000;
const stopLimitMs = 3_000;

/**
 * Starts a proxy in the foreground with the configuration of `deploy/proxy/`. Resolves when it answers through to a ready replica.
 * `setReplicas` puts other replicas behind it without cutting anybody off.
 * @param {ProxyOptions} options
 * @returns {Promise<RunningProxy>}
 */
export async function startProxy(options) {
  mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  const dir = realpathSync(options.dir);
  const program = await proxyProgram(options.kind);
  const port = options.port ?? (await freePort());
  const file = join(dir, `${options.kind}.conf`);
  /** @param {Target[]} replicas */
  const configure = (replicas) =>
    writePrivately(file, proxyConfig(options.kind, { ...options, dir, port, replicas, modules: program.modules }));
  configure(options.replicas);
  if (options.kind === 'haproxy' && options.tls !== undefined)
    writePrivately(join(dir, 'tls.pem'), `${readFileSync(options.tls.cert, 'utf8')}\n${readFileSync(options.tls.key, 'utf8')}`);

  appendFileSync(options.logFile, '', { mode: 0o600 });
  const log = openLog(options.logFile);
  const child = startChild(dyingWithParent('SIGTERM', command(options.kind, program.path, file, dir)), {
    cwd: dir,
    env: program.env,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const url = `http://127.0.0.1:${port}`;
  const answers = await waitUntil(() => child.ended !== undefined || isReady(url), { everyMs: 50, limitMs: startLimitMs });
  if (!answers || child.ended !== undefined) {
    await stopChild(child, 'SIGTERM', stopLimitMs);
    const said = `${tail(join(dir, 'error.log'))}\n${tail(options.logFile)}`;
    throw new LauncherError(
      `The proxy (${options.kind}) did not start: ${lastLine(said, /alert|emerg|error|AH\d+/i)}; its log is ${options.logFile}.`,
    );
  }
  return {
    url,
    port,
    pid: child.pid,
    exit: child.exit,
    stop: () => stopChild(child, 'SIGTERM', stopLimitMs),
    setReplicas: async (replicas) => {
      configure(replicas);
      child.kill(
        { haproxy: /** @type {const} */ ('SIGUSR2'), nginx: /** @type {const} */ ('SIGHUP'), apache: /** @type {const} */ ('SIGUSR1') }[
          options.kind
        ],
      );
      if (!(await waitUntil(() => isReady(url), { everyMs: 50, limitMs: startLimitMs })))
        throw new LauncherError(`The proxy (${options.kind}) does not reach the new replicas; its log is ${options.logFile}.`);
    },
  };
}

/** @param {import('./proxy-programs.mjs').ProxyKind} kind @param {string} path @param {string} file @param {string} dir */
function command(kind, path, file, dir) {
  // HAProxy's master stays and starts a new worker at each reload.
  if (kind === 'haproxy') return [path, '-W', '-f', file];
  if (kind === 'nginx') return [path, '-p', dir, '-c', file, '-g', 'daemon off;', '-e', 'stderr'];
  return [path, '-DFOREGROUND', '-d', dir, '-f', file];
}

/** @param {string} url */
async function isReady(url) {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}
