import { row, rows, type Transaction } from '../../../platform/database/index.ts';

/*
 * Reserve, settle and release: what a provider call may use at most is held before it begins, in the transaction that makes it
 * possible, and what it has used takes that place when it ends (README.md draws it). One row of the ledger is one call; the
 * counters are one row for a tenant's month and one for a visitor's day. Windows are Postgres' own, in UTC.
 */

/** Start of this month and of this day. */
const month = `(date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')`;
const day = `(date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')`;

const after = (unit: 'month' | 'day') => `((date_trunc('${unit}', now() AT TIME ZONE 'UTC') + interval '1 ${unit}') AT TIME ZONE 'UTC')`;

/** Limits of one subject in one window; null = none. Tokens and messages are counts, cost is micro-units of money. */
export interface WindowLimits {
  messages: number | null;
  tokens: number | null;
  cost: number | null;
}

/** Tokens that a call may use, or has used; or prices of a million of them, in micro-units of money. */
export interface InAndOut {
  input: number;
  output: number;
}

/** A call that is about to become possible. */
export interface CallToReserve {
  /** UUID of its row. */
  id: string;
  kind: 'chat' | 'embedding' | 'job';
  /** The turn that it serves, and its number there from 1; both null for other work. */
  turnId: string | null;
  call: number | null;
  botId: string | null;
  visitorId: string | null;
  apiKeyId: string | null;
  /** Messages that it counts as: 1 for the first call of a turn, 0 for all others. */
  messages: 0 | 1;
  /** Tokens of input at most: a number, or an SQL expression over `values`, whose first placeholder is the number given. */
  input: number | { sql: (first: number) => string; values: unknown[] };
  /** Tokens of output at most. */
  output: number;
  /** Of the dearest target that may be asked. */
  price: InAndOut;
}

/** How a call has ended. */
export interface CallUse {
  call: number;
  /** By the provider's own count. Undefined: nobody knows, so it is booked as what was reserved. */
  tokens: InAndOut | undefined;
  /** The provider is known to have served nothing: nothing is booked. */
  unserved: boolean;
  outcome: string;
  target: string;
  model: string;
  /** Of the target that was asked. */
  price: InAndOut;
}

/** A counter after it was changed. */
export interface Counter {
  startsAt: Date;
  messages: number;
  tokens: number;
  cost: number;
  announced: Record<string, number>;
}

/** No room under a limit, or no counter yet: `holdWindows` tells. What was sent in the same transaction is taken back. */
export class NotReserved extends Error {
  override name = 'NotReserved';
}

const priced = (input: string, output: string, ofInput: string, ofOutput: string) =>
  `ceil((${input}::numeric * ${ofInput}::bigint + ${output}::numeric * ${ofOutput}::bigint) / 1000000)::bigint`;

const taken = `messages = c.messages + $8::int, tokens_reserved = c.tokens_reserved + i.input + $9::int, cost_reserved = c.cost_reserved + i.cost`;

const fits = (first: number) =>
  `($${first}::bigint IS NULL OR c.messages + $8::int <= $${first}::bigint)
     AND ($${first + 1}::bigint IS NULL OR c.tokens + c.tokens_reserved + i.input + $9::int <= $${first + 1}::bigint)
     AND ($${first + 2}::bigint IS NULL OR c.cost + c.cost_reserved + i.cost <= $${first + 2}::bigint)`;

/** Places of the limits of the tenant and of the visitor; the values of the input come after them. */
const [tenantAt, visitorAt] = [13, 16];

/**
 * Divides by zero, and so takes back the whole transaction, where a limit refuses or a counter is not there yet: the statements of
 * a commit go out together with COMMIT, and nobody can look in between.
 */
const reserveSql = (inputSql: string, ofVisitor: boolean) => `WITH i AS (
    SELECT n.input, ${priced('n.input', '$9', '$10', '$11')} AS cost FROM (SELECT (${inputSql})::int AS input) n),
  of_month AS (
    UPDATE usage_counters c SET ${taken} FROM i
    WHERE c.tenant_id = $1::uuid AND c.subject = $1::uuid AND c.starts_at = ${month} AND ${fits(tenantAt)} RETURNING i.input, i.cost),
  ${
    ofVisitor
      ? `of_day AS (
    UPDATE usage_counters c SET ${taken} FROM of_month i
    WHERE c.tenant_id = $1::uuid AND c.subject = $6::uuid AND c.starts_at = ${day} AND ${fits(visitorAt)} RETURNING i.input, i.cost),`
      : ''
  }
  booked AS (
    INSERT INTO provider_calls (tenant_id, id, kind, turn_id, call, visitor_id, bot_id, api_key_id, state, reserved_input, reserved_output,
      reserved_cost, month_starts_at, day_starts_at)
    SELECT $1::uuid, $2::uuid, $3::text, $4::uuid, $5::int, $6::uuid, $7::uuid,
      coalesce($12::uuid, (SELECT api_key_id FROM provider_calls WHERE tenant_id = $1::uuid AND turn_id = $4::uuid AND call = 1)), 'reserved', input, $9::int, cost, ${month}, ${day}
    FROM ${ofVisitor ? 'of_day' : 'of_month'} RETURNING reserved_input)
  SELECT 1 / (SELECT count(*) FROM booked)::int, (SELECT reserved_input FROM booked) AS input`;

/** Texts by what they are made of: a statement that is prepared must be the same string each time. */
const reserveTexts = new Map<string, string>();
const divisionByZero = '22012';

/**
 * Reserves a call; gives the tokens of input that were reserved. `ofVisitor` null: the visitor has no limits, and is not counted. Rejects with
 * NotReserved, after which the transaction can only be rolled back.
 */
export async function reserveCall(
  tx: Transaction,
  tenantId: string,
  call: CallToReserve,
  ofTenant: WindowLimits,
  ofVisitor: WindowLimits | null,
): Promise<number> {
  const input = typeof call.input === 'number' ? { sql: (first: number) => `$${first}::int`, values: [call.input] } : call.input;
  const inputSql = input.sql(ofVisitor === null ? visitorAt : visitorAt + 3);
  const name = `${ofVisitor !== null} ${inputSql}`;
  let sql = reserveTexts.get(name);
  if (sql === undefined) reserveTexts.set(name, (sql = reserveSql(inputSql, ofVisitor !== null)));
  try {
    const reserved = await row<{ input: number }>(tx, sql, [
      tenantId,
      call.id,
      call.kind,
      call.turnId,
      call.call,
      call.visitorId,
      call.botId,
      call.messages,
      call.output,
      call.price.input,
      call.price.output,
      call.apiKeyId,
      ofTenant.messages,
      ofTenant.tokens,
      ofTenant.cost,
      ...(ofVisitor === null ? [] : [ofVisitor.messages, ofVisitor.tokens, ofVisitor.cost]),
      ...input.values,
    ]);
    return reserved?.input ?? 0;
  } catch (error) {
    if (isDivisionByZero(error)) throw new NotReserved();
    throw error;
  }
}

function isDivisionByZero(error: unknown): boolean {
  return (error as { code?: string }).code === divisionByZero;
}

const settleSql = `WITH open AS (
    SELECT id, call IS NOT DISTINCT FROM $3::int AS told, CASE WHEN call IS NOT DISTINCT FROM $3::int THEN $6::boolean ELSE $12::boolean END AS nothing,
      CASE WHEN call IS NOT DISTINCT FROM $3::int THEN coalesce($4::int, reserved_input) ELSE reserved_input END AS input,
      CASE WHEN call IS NOT DISTINCT FROM $3::int THEN coalesce($5::int, reserved_output) ELSE reserved_output END AS output
    FROM provider_calls WHERE tenant_id = $1::uuid AND turn_id = $2::uuid AND state = 'reserved' FOR UPDATE),
  ended AS (
    UPDATE provider_calls p SET settled_at = now(),
      state = CASE WHEN o.nothing THEN 'released' ELSE 'settled' END,
      outcome = CASE WHEN o.told THEN $7::text WHEN o.nothing THEN 'not_begun' ELSE 'lost' END,
      target = CASE WHEN o.told THEN $8::text END, model = CASE WHEN o.told THEN $9::text END,
      input_tokens = CASE WHEN o.nothing THEN 0 ELSE o.input END, output_tokens = CASE WHEN o.nothing THEN 0 ELSE o.output END,
      estimated = NOT o.nothing AND NOT (o.told AND $4::int IS NOT NULL),
      cost = CASE WHEN o.nothing THEN 0 WHEN o.told THEN ${priced('o.input', 'o.output', '$10', '$11')} ELSE p.reserved_cost END
    FROM open o WHERE p.tenant_id = $1::uuid AND p.id = o.id
    RETURNING p.month_starts_at, p.day_starts_at, p.visitor_id, p.reserved_input + p.reserved_output AS reserved, p.reserved_cost,
      p.input_tokens + p.output_tokens AS booked, p.cost, 0 AS messages),
  both_ends AS (
    SELECT * FROM ended UNION ALL
    SELECT month_starts_at, day_starts_at, visitor_id, 0, 0, 0, 0, 1 FROM provider_calls
    WHERE $13::boolean AND tenant_id = $1::uuid AND turn_id = $2::uuid AND call = 1),
  of_month AS (
    UPDATE usage_counters c SET tokens = c.tokens + s.booked, tokens_reserved = c.tokens_reserved - s.reserved, cost = c.cost + s.cost,
      cost_reserved = c.cost_reserved - s.reserved_cost, messages = c.messages - s.messages
    FROM (SELECT month_starts_at, sum(booked) AS booked, sum(reserved) AS reserved, sum(cost) AS cost, sum(reserved_cost) AS reserved_cost,
      sum(messages) AS messages FROM both_ends GROUP BY 1) s
    WHERE c.tenant_id = $1::uuid AND c.subject = $1::uuid AND c.starts_at = s.month_starts_at
    RETURNING c.starts_at, c.messages, c.tokens, c.cost, c.announced),
  of_day AS (
    UPDATE usage_counters c SET tokens = c.tokens + s.booked, tokens_reserved = greatest(0, c.tokens_reserved - s.reserved), cost = c.cost + s.cost,
      cost_reserved = greatest(0, c.cost_reserved - s.reserved_cost), messages = greatest(0, c.messages - s.messages)
    FROM (SELECT day_starts_at, visitor_id, sum(booked) AS booked, sum(reserved) AS reserved, sum(cost) AS cost,
      sum(reserved_cost) AS reserved_cost, sum(messages) AS messages FROM both_ends GROUP BY 1, 2) s, (SELECT count(*) FROM of_month) first
    WHERE c.tenant_id = $1::uuid AND c.subject = s.visitor_id AND c.starts_at = s.day_starts_at)
  SELECT starts_at AS "startsAt", messages::float8, tokens::float8, cost::float8, announced FROM of_month ORDER BY starts_at DESC LIMIT 1`;

/**
 * Ends the open calls of a turn: the one of `use` by what is known of it, any other as what was reserved (`maximum`: it may have
 * been served), or as nothing (it never began). `giveBackMessage`: the turn gave no answer, and does not count. Doing it twice changes
 * nothing, but for the message: callers do it where the turn ends. Gives the tenant's counter where one was changed.
 */
export function settleCalls(
  tx: Transaction,
  tenantId: string,
  turnId: string,
  use: CallUse | undefined,
  others: 'maximum' | 'nothing',
  giveBackMessage: boolean,
): Promise<Counter | undefined> {
  return row<Counter>(tx, settleSql, [
    tenantId,
    turnId,
    use?.call ?? -1,
    use?.tokens?.input ?? null,
    use?.tokens?.output ?? null,
    use?.unserved ?? false,
    use?.outcome ?? null,
    use?.target ?? null,
    use?.model ?? null,
    use?.price.input ?? 0,
    use?.price.output ?? 0,
    others === 'nothing',
    giveBackMessage,
  ]);
}

/** What was reserved for a turn's call that has not ended; undefined when there is none. */
export function openReservation(tx: Transaction, tenantId: string, turnId: string, call: number): Promise<InAndOut | undefined> {
  return row<InAndOut>(
    tx,
    `SELECT reserved_input AS input, reserved_output AS output FROM provider_calls
     WHERE tenant_id = $1 AND turn_id = $2 AND call = $3 AND state = 'reserved'`,
    [tenantId, turnId, call],
  );
}

/** Where a subject stands in its window. */
export interface Window {
  subject: 'tenant' | 'visitor';
  messages: number;
  /** Used and reserved. */
  tokens: number;
  cost: number;
  endsAt: Date;
  /** Seconds until then. */
  endsIn: number;
}

/** Makes the counters that are missing; true when one was. */
export async function makeCounters(tx: Transaction, tenantId: string, visitorId: string | null): Promise<boolean> {
  const made = await rows(
    tx,
    `INSERT INTO usage_counters (tenant_id, subject, starts_at)
     SELECT $1::uuid, $1::uuid, ${month} UNION ALL SELECT $1::uuid, $2::uuid, ${day} WHERE $2::uuid IS NOT NULL
     ON CONFLICT DO NOTHING RETURNING 1`,
    [tenantId, visitorId],
  );
  return made.length > 0;
}

/** How the windows of a tenant and a visitor stand, which nobody else changes until the end of the transaction. */
export function holdWindows(tx: Transaction, tenantId: string, visitorId: string | null): Promise<Window[]> {
  return rows<Window>(
    tx,
    `SELECT CASE WHEN c.subject = $1::uuid THEN 'tenant' ELSE 'visitor' END AS subject, c.messages::float8,
       (c.tokens + c.tokens_reserved)::float8 AS tokens, (c.cost + c.cost_reserved)::float8 AS cost, w.ends_at AS "endsAt",
       extract(epoch FROM w.ends_at - now())::float8 AS "endsIn"
     FROM (VALUES (1, $1::uuid, ${month}, ${after('month')}), (2, $2::uuid, ${day}, ${after('day')})) w (place, subject, starts_at, ends_at)
     JOIN usage_counters c ON c.tenant_id = $1::uuid AND c.subject = w.subject AND c.starts_at = w.starts_at
     ORDER BY w.place FOR UPDATE OF c`,
    [tenantId, visitorId],
  );
}
