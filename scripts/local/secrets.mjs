import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LauncherError } from './launcher-error.mjs';

/** @typedef {{ master_key: string, passwords: { tenant: string, system: string, keys: string } }} Secrets */

/**
 * A random password that needs no escaping in a URL.
 * @returns {string}
 */
export function newPassword() {
  return randomBytes(24).toString('base64url');
}

/**
 * Writes a file that only its owner may read, whole or not at all.
 * @param {string} file
 * @param {string} text
 */
export function writePrivately(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.new`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, file);
}

/**
 * Makes the folder that holds everything of one installation, readable by its owner only.
 * @param {string} home
 */
export function openHome(home) {
  try {
    mkdirSync(join(home, 'logs'), { recursive: true, mode: 0o700 });
    chmodSync(home, 0o700);
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    throw new LauncherError(`The folder ${home} cannot be written (${code}); make it yours or set PARLEY_HOME to another one.`);
  }
}

/**
 * Master key and role passwords of an installation; made at its first start.
 * @param {string} home
 * @param {{ dataExists: boolean }} state whether there is data already, which new secrets could not open
 * @returns {Secrets}
 */
export function loadSecrets(home, { dataExists }) {
  const file = join(home, 'secrets.json');
  const advice = `restore it from your backup, or remove ${home} to start afresh without the old data.`;
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code !== 'ENOENT') throw new LauncherError(`${file} cannot be read (${code}); it holds the master key.`);
    if (dataExists)
      throw new LauncherError(`${file} is missing, and without its master key the data beside it cannot be opened: ${advice}`);
    const secrets = {
      master_key: randomBytes(32).toString('base64'),
      passwords: { tenant: newPassword(), system: newPassword(), keys: newPassword() },
    };
    writePrivately(file, `${JSON.stringify(secrets, null, 2)}\n`);
    return secrets;
  }
  try {
    /** @type {Secrets} */
    const secrets = JSON.parse(text);
    const { tenant, system, keys } = secrets.passwords;
    if ([tenant, system, keys].every((p) => typeof p === 'string' && p !== '') && Buffer.from(secrets.master_key, 'base64').length === 32)
      return secrets;
  } catch {
    // Told below, like any other damage.
  }
  throw new LauncherError(`${file} is damaged, and without its master key the data beside it cannot be opened: ${advice}`);
}
