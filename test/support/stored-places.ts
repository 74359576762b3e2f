import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import pg from 'pg';
import type { Place } from './marker-search.ts';

/** `COPY` of every table of a database, as backups have it: as text, where bytes are hex, and binary, where they are themselves. */
export async function tableCopies(client: pg.Client): Promise<Place[]> {
  const { rows } = await client.query<{ name: string; title: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, current_database() || '.' || c.relname AS title FROM pg_class c
     JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
     ORDER BY 1`,
  );
  const places: Place[] = [];
  for (const { name, title } of rows) {
    for (const format of ['text', 'binary']) {
      places.push([`table ${title} as ${format}`, await copyOut(client, `COPY ${name} TO STDOUT (FORMAT ${format})`)]);
    }
  }
  return places;
}

interface CopyQuery {
  handleCopyData: (message: { chunk: Buffer }) => void;
}

function copyOut(client: pg.Client, sql: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const query = new pg.Query(sql);
    // The parser uses its buffer again.
    (query as unknown as CopyQuery).handleCopyData = ({ chunk }) => void chunks.push(Buffer.from(chunk));
    query.on('error', reject);
    query.on('end', () => resolve(Buffer.concat(chunks)));
    client.query(query);
  });
}

/**
 * The files of a database and the write-ahead log since `since` (milliseconds), after a checkpoint. Undefined when the
 * data folder is on another machine.
 */
export async function dataFiles(client: pg.Client, since: number): Promise<Place[] | undefined> {
  await client.query('CHECKPOINT');
  const { rows } = await client.query<{ folder: string; oid: string }>(
    `SELECT current_setting('data_directory') AS folder, oid::text FROM pg_database WHERE datname = current_database()`,
  );
  const { folder = '', oid = '' } = rows[0] ?? {};
  const places: Place[] = [];
  try {
    for (const under of [join('base', oid), 'pg_wal']) {
      for (const entry of await readdir(join(folder, under), { withFileTypes: true })) {
        const path = join(folder, under, entry.name);
        if (entry.isFile() && (await stat(path)).mtimeMs >= since) places.push([`file ${join(under, entry.name)}`, await readFile(path)]);
      }
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && places.length === 0) return undefined;
    throw error;
  }
  return places;
}

const readers: Record<string, (redis: Redis, key: Buffer) => Promise<unknown>> = {
  string: (redis, key) => redis.getBuffer(key),
  hash: (redis, key) => redis.callBuffer('HGETALL', key),
  list: (redis, key) => redis.lrangeBuffer(key, 0, -1),
  set: (redis, key) => redis.smembersBuffer(key),
  zset: (redis, key) => redis.callBuffer('ZRANGE', key, 0, -1),
  stream: (redis, key) => redis.callBuffer('XRANGE', key, '-', '+'),
};

/** Every key of a Redis database: its name, its value read by type, and its serialised form. */
export async function redisKeysAndValues(redis: Redis): Promise<Place[]> {
  const places: Place[] = [];
  for (const key of await redis.keysBuffer('*')) {
    const name = key.toString('latin1');
    const type = await redis.type(key);
    const read = readers[type];
    if (read === undefined) throw new Error(`no reader for the Redis type ${type}`);
    places.push([`Redis ${type} ${name}`, Buffer.concat([key, ...flat(await read(redis, key))])]);
    const dump = await redis.dumpBuffer(key);
    // Lapsed between the two reads.
    if (dump !== null) places.push([`Redis DUMP ${name}`, dump]);
  }
  return places;
}

function flat(value: unknown): Buffer[] {
  if (Buffer.isBuffer(value)) return [value];
  if (Array.isArray(value)) return value.flatMap(flat);
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([name, inner]) => [Buffer.from(name), ...flat(inner)]);
  return [Buffer.from(String(value))];
}
