import pg from 'pg';
import { publicId, uuidOf } from '../../src/kernel/ids.ts';
import { urlAs } from './services.ts';
import type { TestStack, TestTenant } from './stack.ts';

/** What tests ask of a turn's row. */
export interface StoredTurn {
  id: string;
  state: string;
  attempt: number;
  epoch: number;
  owner: string | null;
  model_calls: number;
  input_tokens: number | null;
  output_tokens: number | null;
  usage_estimated: boolean;
  finish_reason: string | null;
  error_code: string | null;
}

type Place = Pick<TestStack, 'postgresUrl' | 'database'>;

/** A turn's row, read past the server. */
export async function turnRow(place: Place, id: string): Promise<StoredTurn> {
  const [row] = await query<StoredTurn>(
    place,
    `SELECT id, state, attempt, epoch, owner, model_calls, input_tokens, output_tokens, usage_estimated, finish_reason, error_code
     FROM turns WHERE id = $1`,
    [id],
  );
  if (row === undefined) throw new Error(`there is no turn ${id}`);
  return row;
}

/** The ids of a tenant's turns, oldest first. */
export async function turnsOfTenant(place: Place, tenant: TestTenant): Promise<string[]> {
  const rows = await query<{ id: string }>(place, 'SELECT id FROM turns WHERE tenant_id = $1 ORDER BY created_at', [tenant.tenantUuid]);
  return rows.map(({ id }) => id);
}

/** The stored answers of a turn, as the API gives them. */
export async function storedAnswers(
  stack: Pick<TestStack, 'request'> & Place,
  tenant: TestTenant,
  turnId: string,
): Promise<{ status: string; text: string }[]> {
  const rows = await query<{ id: string; conversation_id: string }>(
    stack,
    `SELECT m.id, m.conversation_id FROM messages m JOIN turns t ON t.tenant_id = m.tenant_id AND t.id = m.turn_id
     WHERE t.id = $1 AND m.role = 'assistant'`,
    [turnId],
  );
  const [first] = rows;
  if (first === undefined) return [];
  const conversation = publicId('conversation', first.conversation_id);
  const { body } = await stack.request('GET', `/v1/conversations/${conversation}/messages`, { token: tenant.apiKey });
  const own = new Set(rows.map(({ id }) => id));
  return (body.data as { id: string; status: string; parts: { text: string }[] }[])
    .filter(({ id }) => own.has(uuidOf('message', id) ?? ''))
    .map(({ status, parts }) => ({ status, text: parts.map(({ text }) => text).join('') }));
}

async function query<T extends pg.QueryResultRow>(place: Place, sql: string, values: unknown[]): Promise<T[]> {
  const client = new pg.Client({ connectionString: urlAs(place.postgresUrl, place.database) });
  await client.connect();
  try {
    return (await client.query<T>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
