import { chownSync, existsSync, lchownSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LauncherError } from './launcher-error.mjs';
import { onPath } from './paths.mjs';
import { run } from './processes.mjs';

/**
 * Under which account Postgres runs: how to wrap its commands, and how to give it a file.
 * @typedef {{ command: (command: string[]) => string[], own: (path: string) => void }} Account
 */

const nobody = 65_534;
const anyFile = '+dac_override,+dac_read_search';

/** @type {Account} */
const asOurselves = { command: (command) => command, own: () => {} };

/**
 * Postgres refuses to run as root. Root's Postgres therefore runs in a user namespace in which root has another number (files stay
 * root's), and where that is refused as the owner of the data, or `nobody`, who keeps only the right to reach files anywhere.
 * @param {string} dir data folder, which need not exist yet
 * @param {string} postgres path of the server program
 * @returns {Promise<Account>}
 */
export async function postgresAccount(dir, postgres) {
  if (process.getuid?.() !== 0) {
    const owner = existsSync(dir) ? statSync(dir).uid : process.getuid?.();
    if (owner !== process.getuid?.())
      throw new LauncherError(
        `The data folder ${dir} belongs to another user (${owner}); start as that user, or set PARLEY_HOME to a folder of your own.`,
      );
    return asOurselves;
  }
  const owner = existsSync(dir) ? statSync(dir).uid : 0;
  const unshare = onPath('unshare');
  if (owner === 0 && unshare !== undefined) {
    const namespace = [unshare, '--user', `--map-user=${nobody}`, `--map-group=${nobody}`, '--'];
    const probe = await run([...namespace, 'sh', '-c', '"$0" --version && cd "$1"', postgres, dirname(dir)]);
    if (probe.code === 0) return { command: (command) => [...namespace, ...command], own: () => {} };
  }
  return asAnotherUser(owner === 0 ? nobody : owner, dir, postgres);
}

/** @param {number} uid @param {string} dir @param {string} postgres @returns {Promise<Account>} */
async function asAnotherUser(uid, dir, postgres) {
  const setpriv = onPath('setpriv');
  if (setpriv === undefined)
    throw new LauncherError('Postgres does not run as root, and neither `unshare` nor `setpriv` is here: start as another user.');
  const user = [setpriv, `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  const ways = [
    [...user, `--inh-caps=${anyFile}`, `--ambient-caps=${anyFile}`, '--'],
    [...user, '--'],
  ];
  for (const way of ways) {
    const probe = await run([...way, 'sh', '-c', '"$0" --version && cd "$1"', postgres, dirname(dir)]);
    if (probe.code !== 0) continue;
    if (existsSync(dir)) giveAll(dir, uid);
    return { command: (command) => [...way, ...command], own: (path) => chownSync(path, uid, uid) };
  }
  throw new LauncherError(`Postgres does not run as root, and another user cannot reach ${dirname(dir)} here: start as another user.`);
}

/** @param {string} path @param {number} uid */
function giveAll(path, uid) {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) giveAll(join(path, entry.name), uid);
    else lchownSync(join(path, entry.name), uid, uid);
  }
  chownSync(path, uid, uid);
}
