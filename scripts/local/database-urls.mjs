import { readFileSync } from 'node:fs';
import { LauncherError } from './launcher-error.mjs';

/** Settings that the launcher reads or sets; each may be given as a file by `<NAME>_FILE`. */
const managed = [
  'DATABASE_URL',
  'DATABASE_OWNER_URL',
  'DATABASE_SYSTEM_URL',
  'KEYSTORE_URL',
  'KEYSTORE_OWNER_URL',
  'REDIS_URL',
  'PARLEY_MASTER_KEY',
  'OPENAI_API_KEY',
];

/**
 * The environment with `<NAME>_FILE` replaced by `<NAME>` for the settings that the launcher handles; empty values count as absent.
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export function resolveSettings(env) {
  const result = { ...env };
  for (const name of managed) {
    const file = result[`${name}_FILE`];
    if (file) {
      if (result[name]) throw new LauncherError(`${name} and ${name}_FILE are both set; keep one.`);
      try {
        result[name] = readFileSync(file, 'utf8').trim();
      } catch {
        throw new LauncherError(`${name}_FILE names a file that cannot be read: ${file}.`);
      }
    }
    delete result[`${name}_FILE`];
    if (!result[name]) delete result[name];
  }
  return result;
}

/**
 * The same database as another login role.
 * @param {string} ownerUrl
 * @param {string} role what the role is for; its name becomes `<database>_parley_<role>`
 * @param {string} password
 * @returns {string}
 */
export function runtimeUrl(ownerUrl, role, password) {
  const url = new URL(ownerUrl);
  const database = decodeURIComponent(url.pathname.slice(1)) || decodeURIComponent(url.username);
  url.username = encodeURIComponent(`${database}_parley_${role}`);
  url.password = encodeURIComponent(password);
  return url.href;
}

/**
 * URLs of the main database. A DATABASE_URL alone is the owner's, and the runtime roles are derived from it.
 * @param {NodeJS.ProcessEnv} env
 * @param {string | undefined} embedded URL of our own cluster's database as its owner, when the user has none
 * @param {import('./secrets.mjs').Secrets['passwords']} passwords
 */
export function mainUrls(env, embedded, passwords) {
  const { DATABASE_URL, DATABASE_OWNER_URL, DATABASE_SYSTEM_URL } = env;
  if (DATABASE_SYSTEM_URL !== undefined && (DATABASE_OWNER_URL === undefined || DATABASE_URL === undefined)) {
    throw new LauncherError(
      'DATABASE_SYSTEM_URL is set, so DATABASE_URL (tenant role) and DATABASE_OWNER_URL (owner of the tables) must be set too.',
    );
  }
  const owner = checked('DATABASE_URL', DATABASE_OWNER_URL ?? DATABASE_URL ?? embedded ?? '');
  const tenant =
    DATABASE_OWNER_URL !== undefined && DATABASE_URL !== undefined ? DATABASE_URL : runtimeUrl(owner, 'tenant', passwords.tenant);
  return { owner, tenant, system: DATABASE_SYSTEM_URL ?? runtimeUrl(owner, 'system', passwords.system) };
}

/**
 * URLs of the keystore, by the same rule.
 * @param {NodeJS.ProcessEnv} env
 * @param {string | undefined} embedded
 * @param {import('./secrets.mjs').Secrets['passwords']} passwords
 */
export function keystoreUrls(env, embedded, passwords) {
  const { KEYSTORE_URL, KEYSTORE_OWNER_URL } = env;
  const owner = checked('KEYSTORE_URL', KEYSTORE_OWNER_URL ?? KEYSTORE_URL ?? embedded ?? '');
  const keys = KEYSTORE_OWNER_URL !== undefined && KEYSTORE_URL !== undefined ? KEYSTORE_URL : runtimeUrl(owner, 'keys', passwords.keys);
  return { owner, keys };
}

/** @param {string} name @param {string} text */
function checked(name, text) {
  if (!/^postgres(?:ql)?:\/\//.test(text) || !URL.canParse(text)) {
    throw new LauncherError(`${name} is not a Postgres URL; it looks like postgres://user:password@host:5432/database.`);
  }
  return text;
}

/**
 * Connects once and gives what tells this database from any other.
 * @param {string} name setting to name in the message
 * @param {string} url
 * @returns {Promise<string>}
 */
export async function probeDatabase(name, url) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  const { hostname, port, pathname } = new URL(url);
  try {
    await client.connect();
    const identity =
      "SELECT system_identifier || '/' || (SELECT oid FROM pg_database WHERE datname = current_database()) AS id FROM pg_control_system()";
    const found = await client.query(identity).catch(() => undefined);
    return found?.rows[0]?.id ?? `${hostname}:${port}${pathname}`;
  } catch (error) {
    throw new LauncherError(`The database at ${hostname}:${port || 5432}${pathname} cannot be used (${reasonOf(error)}); check ${name}.`);
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * A short reason from a connection error.
 * @param {unknown} error
 * @returns {string}
 */
export function reasonOf(error) {
  const { code, message, errors } = /** @type {any} */ (error);
  const inner = Array.isArray(errors) && errors.length > 0 ? errors[0] : undefined;
  const known = {
    ECONNREFUSED: 'nothing listens there',
    ENOTFOUND: 'the host name is unknown',
    ETIMEDOUT: 'no answer in time',
    EAI_AGAIN: 'the host name cannot be looked up',
  };
  return known[/** @type {keyof typeof known} */ (code ?? inner?.code)] ?? (message || String(code ?? error));
}
