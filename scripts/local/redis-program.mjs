import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { hasApt, installPrivately, privateLibraries } from './apt-private.mjs';
import { LauncherError } from './launcher-error.mjs';
import { cacheFolder, onPath } from './paths.mjs';
import { run } from './processes.mjs';

/** @typedef {{ path: string, env: NodeJS.ProcessEnv, version: string }} RedisProgram */

const names = ['redis-server', 'valkey-server'];
const oldestMajor = 7;

/**
 * A Redis or Valkey server program of version 7 or later: from PATH, else unpacked from the Debian packages into a folder of our own.
 * @param {string} [folder] where the private one is kept, for all copies of this checkout
 * @returns {Promise<RedisProgram>}
 */
export async function redisProgram(folder = join(cacheFolder, 'redis')) {
  for (const name of names) {
    const path = onPath(name);
    const program = path === undefined ? undefined : await usable(path, process.env);
    if (program !== undefined) return program;
  }
  if (process.platform === 'darwin')
    throw new LauncherError('Redis 7 or later is needed: run `brew install redis`, or set REDIS_URL to a Redis of your own.');
  if (!hasApt())
    throw new LauncherError(
      'Redis 7 or later is needed, and this machine has no apt to fetch it with: install redis-server or valkey-server, or set REDIS_URL to a Redis of your own.',
    );
  return privateProgram(folder);
}

/** @param {string} folder @returns {Promise<RedisProgram>} */
async function privateProgram(folder) {
  /** @type {unknown} */
  let failure;
  for (const name of names) {
    try {
      const files = await installPrivately([name], join(folder, name));
      const path = join(files, 'usr', 'bin', name);
      const program = existsSync(path) ? await usable(path, privateLibraries(files)) : undefined;
      if (program !== undefined) return program;
      failure ??= new LauncherError(
        `The ${name} of this machine's Debian packages is older than ${oldestMajor} or does not run: install Redis 7 or later, or set REDIS_URL to a Redis of your own.`,
      );
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

/** @param {string} path @param {NodeJS.ProcessEnv} env @returns {Promise<RedisProgram | undefined>} */
async function usable(path, env) {
  const { code, output } = await run([path, '--version'], { env });
  const version = /\bv=(\d+)(\.[\d.]+)/.exec(output);
  return code === 0 && version !== null && Number(version[1]) >= oldestMajor
    ? { path, env, version: `${version[1]}${version[2]}` }
    : undefined;
}
