import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource, type MigrationInterface } from 'typeorm';

/** One database to bring up to date. */
export interface MigrationTarget {
  /** URL as the owner of the tables. */
  ownerUrl: string;
  migrations: (new () => MigrationInterface)[];
  /** Group roles that the migrations grant to, each with the URL of the login role that is to belong to it. */
  roles: { group: string; loginUrl: string }[];
}

/** How often a migration that cannot have its locks is tried, and the wait between, in milliseconds. */
const lockTries = 30;
const lockRetryMs = 1_000;

/** Advisory lock that keeps two migrating processes apart. */
const migrationLock = 7_310_000;

/**
 * Applies what is missing under an advisory lock. Creates the group roles, and the login roles that the runtime URLs name
 * (with their passwords) when the owner may. Gives the names of the applied migrations.
 */
export async function migrate(target: MigrationTarget): Promise<string[]> {
  const source = new DataSource({
    type: 'postgres',
    url: target.ownerUrl,
    applicationName: 'parley-migrate',
    migrations: target.migrations,
    poolSize: 3,
    connectTimeoutMS: 10_000,
    installExtensions: false,
    logging: false,
  });
  await source.initialize();
  const lock = source.createQueryRunner();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [migrationLock]);
    for (const { group } of target.roles) await ensureRole(source, group);
    const applied = await whileLocked(() => source.runMigrations({ transaction: 'each' }));
    for (const { group } of target.roles) await source.query(`GRANT SELECT ON migrations TO ${group}`);
    for (const role of target.roles) await ensureLogin(source, role.group, role.loginUrl);
    return applied.map((migration) => migration.name);
  } finally {
    await lock.query('SELECT pg_advisory_unlock($1)', [migrationLock]).catch(() => undefined);
    await lock.release();
    await source.destroy();
  }
}

/** Tries again while running replicas hold what a migration needs for a moment: it gives way rather than hold them up. */
async function whileLocked<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      const { code } = (error as { driverError?: { code?: string } }).driverError ?? {};
      // lock_not_available, deadlock_detected.
      if ((code !== '55P03' && code !== '40P01') || tries === lockTries) throw error;
      await sleep(lockRetryMs);
    }
  }
}

async function ensureRole(source: DataSource, group: string): Promise<void> {
  const found = await source.query<unknown[]>('SELECT 1 FROM pg_roles WHERE rolname = $1', [group]);
  // Roles belong to the whole cluster: another database's migration may be faster.
  if (found.length === 0) await source.query(`CREATE ROLE ${quoted(group)} NOLOGIN`).catch(unlessDuplicate);
}

async function ensureLogin(source: DataSource, group: string, loginUrl: string): Promise<void> {
  const { username, password } = new URL(loginUrl);
  const name = decodeURIComponent(username);
  const [found] = await source.query<{ rolsuper: boolean }[]>('SELECT rolsuper FROM pg_roles WHERE rolname = $1', [name]);
  const secret = literal(decodeURIComponent(password));
  if (found === undefined) await source.query(`CREATE ROLE ${quoted(name)} LOGIN PASSWORD ${secret}`).catch(unlessDuplicate);
  else if (!found.rolsuper && password !== '')
    await source.query(`ALTER ROLE ${quoted(name)} LOGIN PASSWORD ${secret}`).catch(() => undefined);
  await source.query(`GRANT ${quoted(group)} TO ${quoted(name)}`);
}

function unlessDuplicate(error: unknown): void {
  const { code } = (error as { driverError?: { code?: string } }).driverError ?? {};
  // duplicate_object, or unique_violation in the catalogue when two create it at the same moment.
  if (code !== '42710' && code !== '23505') throw error;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
