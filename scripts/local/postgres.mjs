import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  rmSync,
  renameSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { LauncherError } from './launcher-error.mjs';
import { lastLine } from './log-files.mjs';
import { restoreLinks, postgresPackage } from './postgres-package.mjs';
import { postgresAccount } from './postgres-account.mjs';
import { freePort } from './ports.mjs';
import { dyingWithParent, isAlive, run, startChild, stopChild, waitUntil } from './processes.mjs';
import { newPassword, writePrivately } from './secrets.mjs';

/** @typedef {{ url: string, port: number, pid: number, exit: Promise<import('./processes.mjs').Exit>, stop: () => Promise<void> }} Service */
/** @typedef {{ dir: string, port?: number, fsync?: boolean, name?: string, logFile?: string, sharedBuffers?: string }} PostgresOptions */

const startLimitMs = 60_000;
/** No statements and no values of rows in the log. */
const quietLog = ['log_min_messages=warning', 'log_min_error_statement=panic', 'log_error_verbosity=terse'];
const fsyncOff = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

/**
 * Starts a Postgres of our own on loopback, making its data folder first where there is none.
 * The superuser's password stands beside the folder (`<dir>.password`), and so does the log unless `logFile` says otherwise.
 * A server that a killed launcher left behind on the same folder is stopped first. Callers see to it that only one starts a folder at a time.
 * @param {PostgresOptions} options `name` is what messages call it
 * @returns {Promise<Service>}
 */
export async function startPostgres(options) {
  const { name = 'Postgres', fsync = true, sharedBuffers = '64MB' } = options;
  mkdirSync(dirname(options.dir), { recursive: true });
  const dir = join(realpathSync(dirname(options.dir)), options.dir.split('/').findLast((part) => part !== '') ?? '');
  const logFile = options.logFile ?? `${dir}.log`;
  const { native, version } = postgresPackage();
  restoreLinks(native);
  const postgres = join(native, 'bin', 'postgres');
  const account = await postgresAccount(dir, postgres);
  if (isEmpty(dir, name, logFile)) await initialise({ dir, native, account, name, fsync });
  const password = readPassword(dir, name);
  checkFolder(dir, name, version, logFile);
  await stopLeftOver(dir, name);

  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200', `shared_buffers=${sharedBuffers}`];
  settings.push('max_wal_size=512MB', 'jit=off', 'timezone=UTC', 'log_timezone=UTC', ...quietLog, ...(fsync ? [] : fsyncOff));
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const command = [postgres, '-D', dir, ...[...settings, `port=${port}`].flatMap((setting) => ['-c', setting])];
    const log = openSync(logFile, 'a', 0o600);
    const logStart = statSync(logFile).size;
    const child = startChild(account.command(dyingWithParent('SIGINT', command)), {
      cwd: '/',
      env: serverEnv(),
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const ready = await waitUntil(() => child.ended !== undefined || isReady(dir, child.pid), { everyMs: 10, limitMs: startLimitMs });
    if (ready && child.ended === undefined) {
      const stop = () => stopPostgres(child);
      return { url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`, port, pid: child.pid, exit: child.exit, stop };
    }
    await stopChild(child, 'SIGQUIT', 2_000);
    const said = readFileSync(logFile).subarray(logStart).toString('utf8');
    const passing = /Address already in use|pre-existing shared memory block|is being used by another|still in use/.test(said);
    if (!passing || attempt === 8) throw brokenFolder(name, dir, logFile, lastLine(said, /FATAL|PANIC|error/i));
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** @returns {NodeJS.ProcessEnv} */
function serverEnv() {
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
}

/** Fast shutdown (open transactions roll back), then the hard ways. @param {import('./processes.mjs').Child} child */
async function stopPostgres(child) {
  if (child.ended !== undefined) return;
  child.kill('SIGINT');
  const quit = setTimeout(() => child.kill('SIGQUIT'), 8_000);
  const kill = setTimeout(() => child.kill('SIGKILL'), 12_000);
  await child.exit;
  clearTimeout(quit);
  clearTimeout(kill);
}

/** The server writes its state into its pid file; this is what pg_ctl reads as well. @param {string} dir @param {number} pid */
function isReady(dir, pid) {
  const lines = pidFile(dir);
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
}

/** @param {string} dir @returns {string[]} */
function pidFile(dir) {
  try {
    return readFileSync(join(dir, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return [];
  }
}

/** Stops the server that a killed launcher left on this folder, or removes the note of one that is gone. @param {string} dir @param {string} name */
async function stopLeftOver(dir, name) {
  const pid = Number(pidFile(dir)[0]);
  if (!Number.isInteger(pid) || pid <= 1) return;
  if (!isAlive(pid) || !runsIn(pid, dir)) {
    rmSync(join(dir, 'postmaster.pid'), { force: true });
    return;
  }
  for (const [signal, limitMs] of /** @type {const} */ ([
    ['SIGINT', 8_000],
    ['SIGQUIT', 3_000],
    ['SIGKILL', 3_000],
  ])) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      const { code } = /** @type {NodeJS.ErrnoException} */ (error);
      if (code === 'EPERM') throw new LauncherError(`${name} still runs on ${dir} as another user (pid ${pid}); stop it first.`);
    }
    if (await waitUntil(() => !isAlive(pid), { limitMs })) return;
  }
  throw new LauncherError(`${name} still runs on ${dir} (pid ${pid}) and does not stop; end it first.`);
}

/** Whether a process is a Postgres at work in this folder (it changes into its data folder). @param {number} pid @param {string} dir */
function runsIn(pid, dir) {
  if (process.platform !== 'linux') return true;
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === dir;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EACCES';
  }
}

/** @param {string} dir @param {string} name @param {string} logFile */
function isEmpty(dir, name, logFile) {
  try {
    return !existsSync(dir) || readdirSync(dir).length === 0;
  } catch (error) {
    throw brokenFolder(name, dir, logFile, `it cannot be listed (${/** @type {NodeJS.ErrnoException} */ (error).code})`);
  }
}

/**
 * Makes the data folder under another name first, so that an interrupted start leaves no half of one.
 * @param {{ dir: string, native: string, account: import('./postgres-account.mjs').Account, name: string, fsync: boolean }} options
 */
async function initialise({ dir, native, account, name, fsync }) {
  const draft = `${dir}.new`;
  const passwordFile = `${dir}.password`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  writePrivately(passwordFile, newPassword());
  account.own(draft);
  account.own(passwordFile);
  const flags = [
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '-E',
    'UTF8',
    '--auth=scram-sha-256',
    '--no-instructions',
    ...(fsync ? [] : ['--no-sync']),
  ];
  const command = [join(native, 'bin', 'initdb'), '-D', draft, '-U', 'postgres', `--pwfile=${passwordFile}`, ...flags];
  const { code, output } = await run(account.command(command), { cwd: '/', env: serverEnv() });
  if (code !== 0) {
    rmSync(draft, { recursive: true, force: true });
    throw new LauncherError(`${name} could not make its data folder ${dir}: ${lastLine(output, /error|FATAL|No space/i)}`);
  }
  if (existsSync(dir)) rmdirSync(dir);
  renameSync(draft, dir);
}

/** @param {string} dir @param {string} name */
function readPassword(dir, name) {
  try {
    return readFileSync(`${dir}.password`, 'utf8').trim();
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    throw new LauncherError(
      `The password of ${name}, ${dir}.password, cannot be read (${code}); restore it together with ${dir}, or remove both to start with empty data.`,
    );
  }
}

/** @param {string} dir @param {string} name @param {string} version @param {string} logFile */
function checkFolder(dir, name, version, logFile) {
  let found;
  try {
    found = readFileSync(join(dir, 'PG_VERSION'), 'utf8').trim();
  } catch (error) {
    throw brokenFolder(name, dir, logFile, `PG_VERSION cannot be read (${/** @type {NodeJS.ErrnoException} */ (error).code})`);
  }
  if (found === '') throw brokenFolder(name, dir, logFile, 'PG_VERSION is empty');
  if (found !== version) throw brokenFolder(name, dir, logFile, `it was made by Postgres ${found}, and this is Postgres ${version}`);
}

/** @param {string} name @param {string} dir @param {string} logFile @param {string} reason */
function brokenFolder(name, dir, logFile, reason) {
  const text = reason === '' ? 'it ended without a word' : reason.replace(/\.$/, '');
  return new LauncherError(
    `${name} cannot use its data folder ${dir} (${text}): restore the folder from a backup, or remove it to start with empty data; the log is ${logFile}.`,
  );
}

/**
 * Makes a database in a cluster of ours where it is missing, which also proves that the answering server knows our password.
 * @param {string} url as superuser
 * @param {string} database
 * @returns {Promise<string>} the URL of that database, as superuser
 */
export async function ensureDatabase(url, database) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE "${database.replaceAll('"', '""')}"`);
  } finally {
    await client.end();
  }
  const target = new URL(url);
  target.pathname = `/${encodeURIComponent(database)}`;
  return target.href;
}
