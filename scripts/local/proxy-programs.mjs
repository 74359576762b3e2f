import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { hasApt, installPrivately, privateLibraries } from './apt-private.mjs';
import { LauncherError } from './launcher-error.mjs';
import { cacheFolder, onPath } from './paths.mjs';
import { run } from './processes.mjs';

/** @typedef {'haproxy' | 'nginx' | 'apache'} ProxyKind */
/** @typedef {{ path: string, env: NodeJS.ProcessEnv, version: string, modules: string }} ProxyProgram `modules`: folder of Apache's modules, else '' */

/** The kinds of proxy that there is a configuration for. */
export const proxyKinds = /** @type {const} */ (['haproxy', 'nginx', 'apache']);

const known = {
  haproxy: { names: ['haproxy'], packageName: 'haproxy', version: /version (\d[\d.]*)/i, modules: [] },
  nginx: { names: ['nginx'], packageName: 'nginx-light', version: /nginx\/(\d[\d.]*)/, modules: [] },
  apache: {
    names: ['apache2', 'httpd'],
    packageName: 'apache2-bin',
    version: /Apache\/(\d[\d.]*)/,
    modules: ['/usr/lib/apache2/modules', '/usr/lib64/httpd/modules', '/usr/lib/httpd/modules'],
  },
};

/** @type {Map<ProxyKind, Promise<ProxyProgram>>} */
const found = new Map();

/**
 * A proxy's program: from PATH, else unpacked from the Debian packages into a folder of our own.
 * Throws LauncherError where there is neither.
 * @param {ProxyKind} kind
 * @returns {Promise<ProxyProgram>}
 */
export function proxyProgram(kind) {
  const search = found.get(kind) ?? findProgram(kind);
  found.set(kind, search);
  search.catch(() => found.delete(kind));
  return search;
}

/** @param {ProxyKind} kind @returns {Promise<ProxyProgram>} */
async function findProgram(kind) {
  const { names, packageName, modules } = known[kind];
  for (const path of [...names.map(onPath), ...names.map((name) => `/usr/sbin/${name}`)]) {
    const folder = modules.find(isFolder) ?? '';
    if (path === undefined || !existsSync(path) || (modules.length > 0 && folder === '')) continue;
    const version = await versionOf(kind, path, process.env);
    if (version !== undefined) return { path, env: process.env, version, modules: folder };
  }
  if (!hasApt())
    throw new LauncherError(`${packageName} is needed, and this machine has no apt to fetch it with: install it, or choose another proxy.`);
  const files = await installPrivately([packageName], join(cacheFolder, 'proxies', kind));
  const path = join(files, 'usr', 'sbin', names[0] ?? '');
  const env = privateLibraries(files);
  const version = existsSync(path) ? await versionOf(kind, path, env) : undefined;
  if (version === undefined)
    throw new LauncherError(`The ${packageName} of this machine's Debian packages does not run: install it, or choose another proxy.`);
  return { path, env, version, modules: modules[0] === undefined ? '' : join(files, modules[0]) };
}

/** @param {string} path */
function isFolder(path) {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** @param {ProxyKind} kind @param {string} path @param {NodeJS.ProcessEnv} env */
async function versionOf(kind, path, env) {
  const { code, output } = await run([path, '-v'], { env });
  return code === 0 ? known[kind].version.exec(output)?.[1] : undefined;
}
