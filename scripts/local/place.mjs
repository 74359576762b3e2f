import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { resolveSettings } from './database-urls.mjs';
import { LauncherError } from './launcher-error.mjs';
import { tryLock } from './locks.mjs';
import { root } from './paths.mjs';
import { portState } from './ports.mjs';
import { openHome } from './secrets.mjs';

/** @typedef {{ settings: NodeJS.ProcessEnv, port: number, host: string, home: string }} Place */
/** @typedef {{ command: string, folder: string, lowestPort: 0 | 1 }} Launcher its npm command, its data folder in the checkout */

/**
 * Settings of the environment and `.env`, and where this installation is. Takes its folder: two launchers never share one.
 * Throws LauncherError for settings that cannot be, and for a folder that is in use.
 * @param {Launcher} launcher
 * @param {(work: () => void) => void} onExit
 * @returns {Place}
 */
export function takePlace(launcher, onExit) {
  if (existsSync(join(root, '.env'))) process.loadEnvFile(join(root, '.env'));
  const settings = resolveSettings(process.env);
  const port = Number(settings.PORT || 3000);
  if (!Number.isInteger(port) || port < launcher.lowestPort || port > 65_535)
    throw new LauncherError(`PORT must be a number from ${launcher.lowestPort} to 65535, not "${settings.PORT}".`);
  const home = settings.PARLEY_HOME ? resolve(settings.PARLEY_HOME) : join(root, launcher.folder);
  openHome(home);
  const lock = tryLock(join(home, 'launcher.lock'));
  if ('heldBy' in lock)
    throw new LauncherError(
      `Parley already runs on ${home} (pid ${lock.heldBy}); stop it first, or set PARLEY_HOME to another folder and PORT to another port.`,
    );
  onExit(lock.release);
  return { settings, port, host: settings.HOST || '127.0.0.1', home };
}

/**
 * Throws LauncherError when nothing can listen on a port.
 * @param {number} port @param {string} host @param {string} command what to run with another port
 */
export async function checkPort(port, host, command) {
  const states = await Promise.all([...new Set([host, '127.0.0.1', '::1'])].map((address) => portState(port, address)));
  if (states.includes('taken'))
    throw new LauncherError(`Port ${port} is taken by another program; stop it, or choose another port: PORT=${port + 1} ${command}`);
  if (states.includes('forbidden'))
    throw new LauncherError(`Port ${port} is not allowed for this user; choose one above 1023: PORT=3000 ${command}`);
  if (states[0] === 'no-address') throw new LauncherError(`HOST is ${host}, and this machine has no such address.`);
}
