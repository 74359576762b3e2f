import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { keystoreUrls, mainUrls, probeDatabase, reasonOf } from './database-urls.mjs';
import { LauncherError } from './launcher-error.mjs';
import { ensureDatabase, startPostgres } from './postgres.mjs';
import { step } from './progress.mjs';
import { startRedis } from './redis.mjs';
import { askRedis } from './redis-client.mjs';
import { redisProgram } from './redis-program.mjs';
import { loadSecrets } from './secrets.mjs';

/** @typedef {import('./supervisor.mjs').Kept} Kept */
/** @typedef {{ env: NodeJS.ProcessEnv, ownerEnv: NodeJS.ProcessEnv, identity: string, kept: Record<string, Kept | undefined> }} Backends */

/**
 * Brings up the databases and the Redis that the user does not bring, checks those that the user does, and gives the environment
 * in which the server finds them. `ownerEnv` adds the owners' URLs, for migrations only.
 * @param {string} home folder of this installation
 * @param {NodeJS.ProcessEnv} env settings, resolved
 * @param {import('./supervisor.mjs').Supervisor} supervisor
 * @returns {Promise<Backends>}
 */
export async function startBackends(home, env, supervisor) {
  const dataExists = env.PARLEY_MASTER_KEY === undefined && (existsSync(join(home, 'postgres')) || existsSync(join(home, 'keystore')));
  const secrets = loadSecrets(home, { dataExists });
  const [main, keystore, redis] = await Promise.all([
    mainDatabase(home, env, supervisor, secrets.passwords),
    keystoreDatabase(home, env, supervisor, secrets.passwords),
    redisServer(home, env, supervisor),
  ]);
  const shared = {
    ...env,
    DATABASE_URL: main.tenant,
    DATABASE_SYSTEM_URL: main.system,
    KEYSTORE_URL: keystore.keys,
    REDIS_URL: redis.url,
    PARLEY_MASTER_KEY: env.PARLEY_MASTER_KEY ?? secrets.master_key,
    PARLEY_HOME: home,
  };
  const { DATABASE_OWNER_URL: _owner, KEYSTORE_OWNER_URL: _keystoreOwner, ...serverEnv } = /** @type {NodeJS.ProcessEnv} */ (shared);
  return {
    env: serverEnv,
    ownerEnv: { ...serverEnv, DATABASE_OWNER_URL: main.owner, KEYSTORE_OWNER_URL: keystore.owner },
    identity: main.identity,
    kept: { postgres: main.kept, keystore: keystore.kept, redis: redis.kept },
  };
}

/** @typedef {import('./supervisor.mjs').Supervisor} Supervisor */
/** @typedef {import('./secrets.mjs').Secrets['passwords']} Passwords */

/** @param {string} home @param {string} folder @param {string} name @param {Supervisor} supervisor @param {string} sharedBuffers */
function embedded(home, folder, name, supervisor, sharedBuffers) {
  const options = { dir: join(home, folder), name, sharedBuffers, logFile: join(home, 'logs', `${folder}.log`) };
  return supervisor.keep(name, (before) => startPostgres(before === undefined ? options : { ...options, port: before.port }));
}

/** @param {string} home @param {NodeJS.ProcessEnv} env @param {Supervisor} supervisor @param {Passwords} passwords */
async function mainDatabase(home, env, supervisor, passwords) {
  if (env.DATABASE_URL !== undefined || env.DATABASE_OWNER_URL !== undefined || env.DATABASE_SYSTEM_URL !== undefined) {
    const urls = mainUrls(env, undefined, passwords);
    const identity = await step('database (yours)', () =>
      probeDatabase(env.DATABASE_OWNER_URL === undefined ? 'DATABASE_URL' : 'DATABASE_OWNER_URL', urls.owner),
    );
    return { ...urls, identity, kept: undefined };
  }
  return step('Postgres', async () => {
    const kept = await embedded(home, 'postgres', 'Postgres', supervisor, '128MB');
    const url = await ensureDatabase(kept.service.url, 'parley');
    return { ...mainUrls(env, url, passwords), identity: await probeDatabase('DATABASE_URL', url), kept };
  });
}

/** @param {string} home @param {NodeJS.ProcessEnv} env @param {Supervisor} supervisor @param {Passwords} passwords */
async function keystoreDatabase(home, env, supervisor, passwords) {
  if (env.KEYSTORE_URL !== undefined || env.KEYSTORE_OWNER_URL !== undefined) {
    const urls = keystoreUrls(env, undefined, passwords);
    await step('keystore (yours)', () =>
      probeDatabase(env.KEYSTORE_OWNER_URL === undefined ? 'KEYSTORE_URL' : 'KEYSTORE_OWNER_URL', urls.owner),
    );
    return { ...urls, kept: undefined };
  }
  return step('keystore', async () => {
    const kept = await embedded(home, 'keystore', 'The keystore', supervisor, '16MB');
    return { ...keystoreUrls(env, await ensureDatabase(kept.service.url, 'parley_keystore'), passwords), kept };
  });
}

/** @param {string} home @param {NodeJS.ProcessEnv} env @param {Supervisor} supervisor */
async function redisServer(home, env, supervisor) {
  const { REDIS_URL } = env;
  if (REDIS_URL !== undefined) {
    await step('Redis (yours)', () => probeRedis(REDIS_URL));
    return { url: REDIS_URL, kept: undefined };
  }
  return step('Redis', async (note) => {
    const program = await redisProgram();
    note(program.version);
    const options = {
      dir: join(home, 'redis'),
      persistence: /** @type {const} */ ('aof'),
      logFile: join(home, 'logs', 'redis.log'),
      program,
    };
    const kept = await supervisor.keep('Redis', (before) => {
      if (before === undefined) return startRedis(options);
      return startRedis({ ...options, port: before.port, password: new URL(before.url).password });
    });
    return { url: kept.service.url, kept };
  });
}

/** @param {string} url */
async function probeRedis(url) {
  if (!/^rediss?:\/\//.test(url) || !URL.canParse(url))
    throw new LauncherError('REDIS_URL is not a Redis URL; it looks like redis://:password@host:6379.');
  const { hostname, port } = new URL(url);
  try {
    await askRedis(url, [['PING']]);
  } catch (error) {
    throw new LauncherError(`The Redis at ${hostname}:${port || 6379} cannot be used (${reasonOf(error)}); check REDIS_URL.`);
  }
}
