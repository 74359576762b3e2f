import pg from 'pg';
import { IndependentDecrypter, type WrappedRow } from '../../support/independent-decrypter.ts';
import type { CounterRow, LedgerRow, ServedCall, StoredTurn } from '../checker/evidence.ts';

/** What an auditor has: databases as superuser, and the key of all keys. */
export interface Auditor {
  main: string;
  keystore: string;
  masterKey: Buffer;
}

interface WitnessEntry {
  last_user: string;
  model: string | null;
  started_at: string;
  status: number;
  outcome: string;
  prompt_tokens: number;
  tokens_served: number;
  usage_reported: { prompt_tokens: number; completion_tokens: number } | null;
}

/** All requests of messages whose marker begins with a tag, ended or not, by the model server's own log. */
export async function readServed(modelUrl: string, tag: string): Promise<ServedCall[]> {
  const calls: ServedCall[] = [];
  for (let after = 0; ;) {
    const response = await fetch(`${modelUrl}/demo/witness?match=${tag}x&after=${after}&limit=2000&running=1`);
    if (!response.ok) throw new Error(`the model's log answered ${response.status}`);
    const page = (await response.json()) as { entries: WitnessEntry[]; next: number; running: WitnessEntry[] };
    const isLast = page.next === after;
    calls.push(...(isLast ? page.running : page.entries).map(callOf));
    if (isLast) return calls;
    after = page.next;
  }
}

function callOf(entry: WitnessEntry): ServedCall {
  const { usage_reported: usage } = entry;
  return {
    marker: entry.last_user.split(' ')[0] ?? '',
    model: entry.model ?? '',
    startedAt: Date.parse(entry.started_at),
    status: entry.status,
    outcome: entry.outcome,
    promptTokens: entry.prompt_tokens,
    tokensServed: entry.tokens_served,
    reported: usage === null ? null : { prompt: usage.prompt_tokens, completion: usage.completion_tokens },
  };
}

/** A tenant's turns, ledger and counters, read past row-level security; questions are decrypted without the server's code. */
export async function readStored(
  auditor: Auditor,
  tenantId: string,
): Promise<{ turns: StoredTurn[]; ledger: LedgerRow[]; counters: CounterRow[] }> {
  const decrypter = new IndependentDecrypter(
    auditor.masterKey,
    await query<WrappedRow>(auditor.keystore, 'SELECT tenant_id, id, kind, wrapped FROM wrapped_keys WHERE tenant_id = $1', [tenantId]),
  );
  const [turns, ledger, counters] = await Promise.all([
    query<Omit<StoredTurn, 'marker'> & { messageId: string; content: Buffer }>(
      auditor.main,
      `SELECT t.id, t.visitor_id AS "visitorId", t.state, t.attempt, t.model_calls AS "modelCalls", m.id AS "messageId", m.content,
         t.state <> 'failed' OR EXISTS (SELECT 1 FROM messages a WHERE a.tenant_id = t.tenant_id AND a.turn_id = t.id AND a.role = 'assistant') AS answered
       FROM turns t JOIN messages m ON m.tenant_id = t.tenant_id AND m.id = t.user_message_id WHERE t.tenant_id = $1`,
      [tenantId],
    ),
    query<Omit<LedgerRow, 'month' | 'day'> & { month: Date; day: Date }>(
      auditor.main,
      `SELECT id, turn_id AS "turnId", call, visitor_id AS "visitorId", state, reserved_input AS "reservedInput",
         reserved_output AS "reservedOutput", reserved_cost::float8 AS "reservedCost", input_tokens AS "inputTokens", output_tokens AS "outputTokens", estimated,
         coalesce(cost, 0)::float8 AS cost, month_starts_at AS month,
         coalesce(day_starts_at, to_timestamp(0)) AS day FROM provider_calls WHERE tenant_id = $1`,
      [tenantId],
    ),
    query<Omit<CounterRow, 'window'> & { window: Date }>(
      auditor.main,
      `SELECT subject, starts_at AS window, sum(messages)::float8 AS messages, sum(tokens)::float8 AS tokens,
         sum(tokens_reserved)::float8 AS "tokensReserved", sum(cost)::float8 AS cost, sum(cost_reserved)::float8 AS "costReserved"
       FROM usage_counters WHERE tenant_id = $1 GROUP BY subject, starts_at`,
      [tenantId],
    ),
  ]);
  return {
    turns: turns.map(({ messageId, content, ...turn }) => ({
      ...turn,
      marker: textOf(decrypter.open(`${tenantId}|messages|content|${messageId}`, content)).split(' ')[0] ?? '',
    })),
    ledger: ledger.map((row) => ({ ...row, month: row.month.toISOString(), day: row.day.toISOString() })),
    counters: counters.map((row) => ({ ...row, window: row.window.toISOString() })),
  };
}

function textOf(json: string | undefined): string {
  return json === undefined ? '' : (JSON.parse(json) as { text: string }[]).map(({ text }) => text).join('');
}

/** How many turns and reservations of some tenants have not ended. */
export async function countOpen(ownerUrl: string, tenantIds: string[]): Promise<number> {
  const [found] = await query<{ open: number }>(
    ownerUrl,
    `SELECT ((SELECT count(*) FROM turns WHERE tenant_id = ANY ($1) AND state IN ('waiting', 'queued', 'running'))
       + (SELECT count(*) FROM provider_calls WHERE tenant_id = ANY ($1) AND state = 'reserved'))::int AS open`,
    [tenantIds],
  );
  return found?.open ?? 0;
}

async function query<T extends pg.QueryResultRow>(url: string, sql: string, values: unknown[]): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
