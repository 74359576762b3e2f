import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PersonalDataRegistry } from '../../src/platform/personal-data/index.ts';
import { urlAs } from '../support/services.ts';
import { type TestStack, testStack } from '../support/stack.ts';

/** Names of columns by which a row is about somebody: a person's id, or what a person said or is called. */
const personal =
  /^(visitor_id|user_id|subject|subject_id|object_id|actor_id|placed_by|requested_by|email.*|external_id.*|phone.*|name_of.*)$/;

let stack: TestStack;
let data: pg.Client;

beforeAll(async () => {
  stack = await testStack();
  data = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.database) });
  await data.connect();
});
afterAll(async () => {
  await data.end();
  await stack.close();
});

/** What is wrong with who holds which table, one line each. */
async function unheld(): Promise<string[]> {
  const tables = stack.app.get(PersonalDataRegistry).tables();
  const { rows } = await data.query<{ name: string; columns: string[] }>(
    `SELECT c.relname AS name, array_agg(a.attname::text) AS columns FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
     WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND NOT a.attisdropped GROUP BY 1 ORDER BY 1`,
  );
  const problems = rows.flatMap(({ name, columns }) => {
    const held = tables.get(name);
    if (held === undefined) return [`${name} has no holder`];
    const about = columns.filter((column) => personal.test(column));
    return about.length > 0 && !['person', 'kept'].includes(held.rows) ? [`${name} is about people (${about.join(', ')})`] : [];
  });
  const there = new Set(rows.map(({ name }) => name));
  return [...problems, ...[...tables.keys()].filter((name) => !there.has(name)).map((name) => `${name} is no table`)];
}

test('every table has one holder, and those about people say so; a new one without is found', async () => {
  expect(await unheld()).toEqual([]);
  await data.query('CREATE TABLE planted (tenant_id uuid, visitor_id uuid)');
  expect(await unheld()).toEqual(['planted has no holder']);
  await data.query('DROP TABLE planted; ALTER TABLE bots ADD COLUMN user_id uuid');
  expect(await unheld()).toEqual(['bots is about people (user_id)']);
  await data.query('ALTER TABLE bots DROP COLUMN user_id');
});
