import { parseArgs } from 'node:util';
import { LauncherError } from './launcher-error.mjs';
import { proxyKinds } from './proxy-programs.mjs';

/** @typedef {{ replicas: number, workers: number, proxy: import('./proxy-programs.mjs').ProxyKind | 'none', role: 'api' | 'all', restart: boolean }} ClusterOptions */

const usage = 'npm run cluster -- [--replicas 3] [--proxy haproxy|nginx|apache|none] [--workers 0] [--role api|all] [--no-restart]';
const mostProcesses = 32;

/**
 * Reads the arguments of `npm run cluster`. Throws LauncherError with one sentence about what is wrong.
 * @param {string[]} args
 * @returns {ClusterOptions}
 */
export function clusterOptions(args) {
  const values = parsed(args);
  const replicas = count('replicas', values.replicas, 1);
  const workers = count('workers', values.workers, 0);
  const proxy = oneOf('proxy', values.proxy, [...proxyKinds, /** @type {const} */ ('none')]);
  const role =
    values.role === undefined ? (workers > 0 ? 'api' : 'all') : oneOf('role', values.role, /** @type {const} */ (['api', 'all']));
  if (role === 'api' && workers === 0) throw new LauncherError('With --role api nobody runs jobs: add --workers 1, or leave --role out.');
  return { replicas, workers, proxy, role, restart: values['no-restart'] !== true };
}

/** @param {string[]} args */
function parsed(args) {
  try {
    return parseArgs({
      args,
      options: {
        replicas: { type: 'string', default: '3' },
        workers: { type: 'string', default: '0' },
        proxy: { type: 'string', default: 'haproxy' },
        role: { type: 'string' },
        'no-restart': { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    const [sentence = ''] = (error instanceof Error ? error.message : String(error)).split('. ');
    throw new LauncherError(`${sentence.replace(/\.$/, '')}; use it like this: ${usage}`);
  }
}

/** @param {string} name @param {string} text @param {number} least */
function count(name, text, least) {
  if (/^\d{1,3}$/.test(text) && Number(text) >= least && Number(text) <= mostProcesses) return Number(text);
  throw new LauncherError(`--${name} must be a number from ${least} to ${mostProcesses}, not "${text}".`);
}

/** @template {string} T @param {string} name @param {string} text @param {readonly T[]} choices @returns {T} */
function oneOf(name, text, choices) {
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) throw new LauncherError(`--${name} must be one of ${choices.join(', ')}, not "${text}".`);
  return choice;
}
