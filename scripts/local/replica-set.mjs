import { join } from 'node:path';
import { startServer } from './app.mjs';
import { freePort } from './ports.mjs';

/** @typedef {{ name: string, role: 'api' | 'all' | 'worker', port: number, url: string, kept: import('./supervisor.mjs').Kept, logFile: string }} LocalReplica */

/** How long a replica keeps serving after SIGTERM, in milliseconds: three health checks of a proxy. */
export const drainDelayMs = 3_000;
/** Connections to the embedded Postgres that replicas may hold together. */
const connections = 180;

/**
 * Settings that every replica of a cluster on this machine has.
 * @param {{ count: number, url: string, proxied: boolean, settings: NodeJS.ProcessEnv }} cluster how many processes there are, the URL of all of them, whether a proxy stands before them
 * @returns {NodeJS.ProcessEnv}
 */
export function replicaSettings({ count, url, proxied, settings }) {
  // 5 of each replica's are for system work.
  const poolSize = Math.max(3, Math.min(20, Math.floor(connections / count) - 5));
  return {
    HOST: '127.0.0.1',
    PUBLIC_URL: settings.PUBLIC_URL || url,
    TRUST_PROXY: proxied ? '127.0.0.1' : '',
    DRAIN_DELAY_MS: settings.DRAIN_DELAY_MS || String(proxied ? drainDelayMs : 0),
    DATABASE_POOL_SIZE: settings.DATABASE_POOL_SIZE || String(poolSize),
  };
}

/**
 * Starts a replica on a port that it keeps over its restarts.
 * @param {{ name: string, role: 'api' | 'all' | 'worker', port?: number, env: NodeJS.ProcessEnv, home: string, restart: boolean, onChange: () => void, supervisor: import('./supervisor.mjs').Supervisor }} options
 * @returns {Promise<LocalReplica>}
 */
export async function startReplica({ name, role, env, home, restart, onChange, supervisor, ...options }) {
  const port = options.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const logFile = join(home, 'logs', `${name}.log`);
  const own = { ...env, PORT: String(port), PARLEY_ROLE: role };
  const kept = await supervisor.peer(name, () => startServer({ env: own, logFile, readyUrl: `${url}/readyz` }), { restart, onChange });
  return { name, role, port, url, kept, logFile };
}
