import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './paths.mjs';
import { startPostgres } from './postgres.mjs';
import { isAlive } from './processes.mjs';
import { startRedis } from './redis.mjs';

const folder = join(cacheFolder, 'test');

/**
 * Starts an empty Postgres and Redis for one test run; `stop` removes them with their data. Runs side by side do not meet.
 * @returns {Promise<{ postgresUrl: string, redisUrl: string, folder: string, stop: () => Promise<void> }>}
 */
export async function startTestServices() {
  const own = join(folder, String(process.pid));
  mkdirSync(own, { recursive: true, mode: 0o700 });
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (!isAlive(Number(name)) || Number(name) === process.pid) rmSync(join(folder, name), { recursive: true, force: true });
  }
  mkdirSync(own, { recursive: true, mode: 0o700 });
  const started = await Promise.allSettled([
    startPostgres({ dir: join(own, 'postgres'), fsync: false }),
    startRedis({ dir: join(own, 'redis') }),
  ]);
  const stop = async () => {
    await Promise.all(started.filter((result) => result.status === 'fulfilled').map((result) => result.value.stop()));
    rmSync(own, { recursive: true, force: true });
  };
  const failed = started.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  const [postgresUrl = '', redisUrl = ''] = started.map((result) => (result.status === 'fulfilled' ? result.value.url : ''));
  return { postgresUrl, redisUrl, folder: own, stop };
}
