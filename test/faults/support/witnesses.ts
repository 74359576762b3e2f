import pg from 'pg';
import { IndependentDecrypter, type WrappedRow } from '../../support/independent-decrypter.ts';
import type { Tenant } from '../clients/conversations.ts';
import type { ServedCall, StoredTurn } from './history.ts';

interface WitnessEntry {
  seq: number;
  last_user: string;
  request: { messages?: unknown } | null;
  outcome: string;
  prompt_tokens: number;
  tokens_served: number;
  usage_reported: { prompt_tokens: number; completion_tokens: number } | null;
}

/** All model calls since the model server began, ended or not, by its own log. */
export async function readServed(modelUrl: string): Promise<ServedCall[]> {
  const calls: ServedCall[] = [];
  for (let after = 0; ;) {
    const response = await fetch(`${modelUrl}/demo/witness?after=${after}&limit=500&running=1`);
    if (!response.ok) throw new Error(`the model's log answered ${response.status}`);
    const page = (await response.json()) as { entries: WitnessEntry[]; next: number; running: WitnessEntry[] };
    const last = page.entries.length === 0;
    calls.push(...(last ? page.running : page.entries).map(callOf));
    if (last) return calls;
    after = page.next;
  }
}

function callOf(entry: WitnessEntry): ServedCall {
  const { usage_reported: usage } = entry;
  return {
    question: entry.last_user,
    prompt: JSON.stringify(entry.request?.messages ?? ''),
    outcome: entry.outcome,
    promptTokens: entry.prompt_tokens,
    tokensServed: entry.tokens_served,
    reported: usage === null ? undefined : { prompt: usage.prompt_tokens, completion: usage.completion_tokens },
  };
}

interface TurnRow extends Omit<StoredTurn, 'tenant' | 'question' | 'answers'> {
  tenantId: string;
}

interface MessageRow {
  tenantId: string;
  id: string;
  turnId: string;
  role: 'user' | 'assistant';
  status: string;
  content: Buffer;
}

/** All turns as Postgres holds them, read past row-level security and decrypted without the server's code. */
export async function readStored(owner: { main: string; keystore: string; masterKey: Buffer }, tenants: Tenant[]): Promise<StoredTurn[]> {
  const decrypter = new IndependentDecrypter(
    owner.masterKey,
    await query<WrappedRow>(owner.keystore, 'SELECT tenant_id, id, kind, wrapped FROM wrapped_keys'),
  );
  const messages = await query<MessageRow>(
    owner.main,
    'SELECT tenant_id AS "tenantId", id, turn_id AS "turnId", role, status, content FROM messages ORDER BY position',
  );
  const opened = messages.map((row) => {
    const json = decrypter.open(`${row.tenantId}|messages|content|${row.id}`, row.content);
    const text = json === undefined ? undefined : (JSON.parse(json) as { text: string }[]).map((part) => part.text).join('');
    return { ...row, text };
  });
  const byTurn = Map.groupBy(opened, ({ turnId }) => turnId);
  const letters = new Map(tenants.map(({ uuid, letter }) => [uuid, letter]));
  const turns = await query<TurnRow>(
    owner.main,
    `SELECT tenant_id AS "tenantId", id, conversation_id AS "conversationId", state, attempt, model_calls AS "modelCalls",
       input_tokens AS "inputTokens", output_tokens AS "outputTokens", usage_estimated AS estimated, error_code AS "errorCode" FROM turns`,
  );
  return turns.map(({ tenantId, ...turn }) => {
    const own = byTurn.get(turn.id) ?? [];
    return {
      ...turn,
      tenant: letters.get(tenantId) ?? '?',
      question: own.find(({ role }) => role === 'user')?.text,
      answers: own.filter(({ role }) => role === 'assistant').map(({ text, status }) => ({ text, status })),
    };
  });
}

/** How many turns have not ended. */
export async function countUnfinished(ownerUrl: string): Promise<number> {
  const [found] = await query<{ count: string }>(
    ownerUrl,
    `SELECT count(*) AS count FROM turns WHERE state IN ('waiting', 'queued', 'running')`,
  );
  return Number(found?.count);
}

async function query<T extends pg.QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}
