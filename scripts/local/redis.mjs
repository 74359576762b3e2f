import { appendFileSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LauncherError } from './launcher-error.mjs';
import { lastLine } from './log-files.mjs';
import { freePort } from './ports.mjs';
import { dyingWithParent, isAlive, startChild, stopChild, waitUntil } from './processes.mjs';
import { askRedis } from './redis-client.mjs';
import { redisProgram } from './redis-program.mjs';
import { newPassword, writePrivately } from './secrets.mjs';

/** @typedef {{ dir: string, port?: number, password?: string, persistence?: 'aof' | 'none', logFile?: string, program?: import('./redis-program.mjs').RedisProgram }} RedisOptions */

const startLimitMs = 60_000;

/**
 * Starts a Redis of our own on loopback with a random password. Its folder holds the configuration and, with `aof`, the data.
 * A server that a killed launcher left behind on the same folder is stopped first. Callers see to it that only one starts a folder at a time.
 * @param {RedisOptions} options
 * @returns {Promise<import('./postgres.mjs').Service>}
 */
export async function startRedis(options) {
  const { persistence = 'none', password = newPassword() } = options;
  mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  const dir = realpathSync(options.dir);
  const logFile = options.logFile ?? `${dir}.log`;
  const program = options.program ?? (await redisProgram());
  await stopLeftOver(join(dir, 'redis.pid'), dir);
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const url = `redis://:${password}@127.0.0.1:${port}`;
    const config = join(dir, 'redis.conf');
    writePrivately(config, settings({ dir, port, password, persistence }));
    appendFileSync(logFile, '', { mode: 0o600 });
    const logStart = statSync(logFile).size;
    const log = openSync(logFile, 'a', 0o600);
    const child = startChild(dyingWithParent('SIGTERM', [program.path, config]), {
      cwd: dir,
      env: program.env,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const ready = await waitUntil(async () => child.ended !== undefined || (await isOurs(url, child.pid)), {
      everyMs: 10,
      limitMs: startLimitMs,
    });
    if (ready && child.ended === undefined) {
      return { url, port, pid: child.pid, exit: child.exit, stop: () => stopChild(child, 'SIGTERM', 10_000) };
    }
    await stopChild(child, 'SIGKILL', 0);
    const said = readFileSync(logFile).subarray(logStart).toString('utf8');
    if (attempt === 8 || !/Address already in use/.test(said)) {
      const reason = lastLine(said, /error|fatal|fail|can't|cannot|bad /i).replace(/\.$/, '') || 'it ended without a word';
      throw new LauncherError(
        `Redis cannot use its folder ${dir} (${reason}): remove the folder, it holds only what is made again by itself; the log is ${logFile}.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** @param {{ dir: string, port: number, password: string, persistence: 'aof' | 'none' }} options */
function settings({ dir, port, password, persistence }) {
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
    'maxmemory-policy noeviction',
    'save ""',
    `appendonly ${persistence === 'aof' ? 'yes' : 'no'}`,
    'appendfsync everysec',
    // Logs of answers live for minutes: rewriting at every 64 MB, Redis's own choice, would be every few seconds under load.
    'auto-aof-rewrite-min-size 512mb',
    `dir ${JSON.stringify(dir)}`,
    `pidfile ${JSON.stringify(join(dir, 'redis.pid'))}`,
    'daemonize no',
    'supervised no',
    'loglevel notice',
  ];
  return `${lines.join('\n')}\n`;
}

/** Whether the process that answers is the one that we started, and has loaded its data. @param {string} url @param {number} pid */
async function isOurs(url, pid) {
  try {
    const [server = '', keyspace] = await askRedis(url, [['INFO', 'server'], ['DBSIZE']], 2_000);
    return keyspace !== undefined && Number(/^process_id:(\d+)/m.exec(server)?.[1]) === pid;
  } catch {
    return false;
  }
}

/** Stops the server that a killed launcher left on this folder. @param {string} pidFile @param {string} dir */
async function stopLeftOver(pidFile, dir) {
  const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0;
  rmSync(pidFile, { force: true });
  if (!Number.isInteger(pid) || pid <= 1 || !isAlive(pid) || !isRedisIn(pid, dir)) return;
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGKILL'])) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    if (await waitUntil(() => !isAlive(pid), { limitMs: 5_000 })) return;
  }
}

/** @param {number} pid @param {string} dir */
function isRedisIn(pid, dir) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('-server') && realpathSync(`/proc/${pid}/cwd`) === dir;
  } catch {
    return false;
  }
}
