import { existsSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root folder of this checkout. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Folder for what can be fetched or made again: private Redis, browser, locks, hashes, test databases. */
export const cacheFolder = join(root, '.cache');

/**
 * Path of a program that npm installed.
 * @param {string} name
 */
export function installedBin(name) {
  return join(root, 'node_modules', '.bin', name);
}

/**
 * Where a program is on PATH, or undefined. Skips the project's own node_modules.
 * @param {string} name
 * @returns {string | undefined}
 */
export function onPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '' && !folder.includes('node_modules'));
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/**
 * Environment in which `node` and the installed tools mean the ones of this project.
 * @param {Record<string, string | undefined>} [extra]
 * @returns {NodeJS.ProcessEnv}
 */
export function projectEnv(extra = {}) {
  const path = [dirname(process.execPath), join(root, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter);
  return { ...process.env, PATH: path, ...extra };
}
