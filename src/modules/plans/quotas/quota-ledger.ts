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
  /** Tokens of the text that was shown, by our own count: booked at least, where the provider went beyond what it was asked for. */
  shownTokens: number;
  /** The provider is known to have served nothing: nothing is booked. */
  unserved: boolean;
  outcome: string;
  target: string;
  model: string;
  /** Of the target that was asked. */
  price: InAndOut;
}

/** What is held for a call: tokens at most, and money for them. */
export interface Reservation extends InAndOut {
  /** Micro-units. */
  cost: number;
}

/** No room under a limit: `holdWindows` tells which. What was sent in the same transaction is taken back. */
export class NotReserved extends Error {
  override name = 'NotReserved';
}

const priced = (input: string, output: string, ofInput: string, ofOutput: string) =>
  `ceil((${input}::numeric * ${ofInput}::bigint + ${output}::numeric * ${ofOutput}::bigint) / 1000000)::bigint`;

/** Rows of a tenant's month: its sends take different ones, so that they do not wait for each other's flush of COMMIT. */
const slots = 8;
/** Least part of a limit that makes a row of its own worth while: where limits are small, they are near, and all is in one row. */
const leastParts: WindowLimits = { messages: 1_000, tokens: 1_000_000, cost: 1_000_000 };

/** Rows that are in use under these limits. */
function slotsFor(limits: WindowLimits): number {
  const names = ['messages', 'tokens', 'cost'] as const;
  return names.every((name) => limits[name] === null || limits[name] >= slots * (leastParts[name] ?? 0)) ? slots : 1;
}

/**
 * All calls of a turn take the same row: one that is settled and one that is reserved in a transaction would otherwise hold a row each,
 * and two such transactions could wait for each other. The last digits of an id are random. Between calls before and after a new month, or another
 * number of slots, that does not hold: Postgres then takes one of the two back, and it is done again.
 */
function slotOf(id: string, inUse: number): number {
  return Number.parseInt(id.slice(-4), 16) % inUse;
}

/** Places of the limits of the tenant, of the slot, of the slots in use, and of the limits of the visitor; the values of the input come after them. */
const [tenantAt, slotAt, slotsAt, visitorAt] = [13, 16, 17, 18];

/** Part `slot` of a whole number of zero or more, as SQL: equal parts for the slots in use, the first ones take what is left over. */
const part = (whole: string, slot: string) =>
  `(CASE WHEN ${slot} >= $${slotsAt}::int THEN 0 ELSE ${whole} / $${slotsAt}::int + CASE WHEN ${slot} < ${whole} % $${slotsAt}::int THEN 1 ELSE 0 END END)`;

/** The tenant's limits as its slots remember them. */
const limitsOfTenant = `jsonb_build_array($${tenantAt}::bigint, $${tenantAt + 1}::bigint, $${tenantAt + 2}::bigint)`;

const fitsPart = (at: number, has: string, more: string) =>
  `($${at}::bigint IS NULL OR ${has} + ${more} <= ${part(`$${at}::bigint`, `$${slotAt}::int`)})`;
const fits = (at: number, has: string, more: string) => `($${at}::bigint IS NULL OR ${has} + ${more} <= $${at}::bigint)`;

/**
 * One slot of the month: it may fill its own part of each limit, so that all together never pass the whole. Only where the slots were spread
 * for these very limits: after a change of the plan they are spread anew first.
 */
const takeOfMonth = `UPDATE usage_counters c SET messages = c.messages + $8::int, tokens_reserved = c.tokens_reserved + i.input + $9::int,
      cost_reserved = c.cost_reserved + i.cost
    FROM i WHERE c.tenant_id = $1::uuid AND c.subject = $1::uuid AND c.starts_at = ${month} AND c.slot = $${slotAt}::int
      AND c.spread_for = ${limitsOfTenant} AND ${fitsPart(tenantAt, 'c.messages', '$8::int')}
      AND ${fitsPart(tenantAt + 1, 'c.tokens + c.tokens_reserved', 'i.input + $9::int')}
      AND ${fitsPart(tenantAt + 2, 'c.cost + c.cost_reserved', 'i.cost')} RETURNING 1`;

/** All slots, which the transaction holds: what they have and what is taken is spread evenly over them. */
const takeOfMonthHeld = `UPDATE usage_counters c SET messages = ${part('t.messages', 'c.slot')}, tokens = ${part('t.tokens', 'c.slot')},
      tokens_reserved = ${part('t.all_tokens', 'c.slot')} - ${part('t.tokens', 'c.slot')}, cost = ${part('t.cost', 'c.slot')},
      cost_reserved = ${part('t.all_cost', 'c.slot')} - ${part('t.cost', 'c.slot')}, spread_for = ${limitsOfTenant}
    FROM (SELECT greatest(0, sum(u.messages)::bigint) + $8::int AS messages, greatest(0, sum(u.tokens)::bigint) AS tokens,
      greatest(0, sum(u.tokens + u.tokens_reserved)::bigint) + min(i.input) + $9::int AS all_tokens, greatest(0, sum(u.cost)::bigint) AS cost,
      greatest(0, sum(u.cost + u.cost_reserved)::bigint) + min(i.cost) AS all_cost FROM usage_counters u, i
      WHERE u.tenant_id = $1::uuid AND u.subject = $1::uuid AND u.starts_at = ${month}) t
    WHERE c.tenant_id = $1::uuid AND c.subject = $1::uuid AND c.starts_at = ${month}
      AND ${fits(tenantAt, 't.messages', '0')} AND ${fits(tenantAt + 1, 't.all_tokens', '0')} AND ${fits(tenantAt + 2, 't.all_cost', '0')} RETURNING 1`;

const takeOfDay = `INSERT INTO usage_counters AS c (tenant_id, subject, starts_at, messages, tokens_reserved, cost_reserved)
    SELECT $1::uuid, $6::uuid, ${day}, $8::int, i.input + $9::int, i.cost FROM i WHERE EXISTS (SELECT 1 FROM of_month)
      AND ${fits(visitorAt, '0', '$8::int')} AND ${fits(visitorAt + 1, '0', 'i.input + $9::int')} AND ${fits(visitorAt + 2, '0', 'i.cost')}
    ON CONFLICT (tenant_id, subject, starts_at, slot) DO UPDATE SET messages = c.messages + excluded.messages,
      tokens_reserved = c.tokens_reserved + excluded.tokens_reserved, cost_reserved = c.cost_reserved + excluded.cost_reserved
    WHERE ${fits(visitorAt, 'c.messages', 'excluded.messages')}
      AND ${fits(visitorAt + 1, 'c.tokens + c.tokens_reserved', 'excluded.tokens_reserved')}
      AND ${fits(visitorAt + 2, 'c.cost + c.cost_reserved', 'excluded.cost_reserved')} RETURNING 1`;

/**
 * Divides by zero, and so takes back the whole transaction, where a limit refuses or the slots have to be spread first: the statements of a commit
 * go out together with COMMIT, and nobody can look in between. The input is measured once, before the counters are held.
 */
const reserveSql = (inputSql: string, ofVisitor: boolean, held: boolean) => `WITH i AS MATERIALIZED (
    SELECT n.input, ${priced('n.input', '$9', '$10', '$11')} AS cost FROM (SELECT (${inputSql})::int AS input) n),
  of_month AS (${held ? takeOfMonthHeld : takeOfMonth}),
  ${ofVisitor ? `of_day AS (${takeOfDay}),` : ''}
  booked AS (
    INSERT INTO provider_calls (tenant_id, id, kind, turn_id, call, visitor_id, bot_id, api_key_id, state, reserved_input, reserved_output,
      reserved_cost, month_starts_at, day_starts_at, slot)
    SELECT $1::uuid, $2::uuid, $3::text, $4::uuid, $5::int, $6::uuid, $7::uuid,
      coalesce($12::uuid, (SELECT api_key_id FROM provider_calls WHERE tenant_id = $1::uuid AND turn_id = $4::uuid AND call = 1)),
      'reserved', input, $9::int, cost, ${month}, ${ofVisitor ? day : 'NULL'}, $${slotAt}::int
    FROM i WHERE EXISTS (SELECT 1 FROM ${ofVisitor ? 'of_day' : 'of_month'}) RETURNING reserved_input, reserved_cost)
  SELECT 1 / (SELECT count(*) FROM booked)::int, (SELECT reserved_input FROM booked) AS input, $9::int AS output,
    (SELECT reserved_cost FROM booked)::float8 AS cost`;

/** Texts by what they are made of: a statement that is prepared must be the same string each time. */
const reserveTexts = new Map<string, string>();
const divisionByZero = '22012';

/**
 * Reserves a call; gives what is held for it. `ofVisitor` null: the visitor has no limits, and is not counted. `held`: the transaction holds the
 * counters (`holdWindows`), so that all of what is left can be taken. Rejects with NotReserved, after which the transaction can only be rolled back.
 */
export async function reserveCall(
  tx: Transaction,
  tenantId: string,
  call: CallToReserve,
  ofTenant: WindowLimits,
  ofVisitor: WindowLimits | null,
  held = false,
): Promise<Reservation> {
  const input = typeof call.input === 'number' ? { sql: (first: number) => `$${first}::int`, values: [call.input] } : call.input;
  const inputSql = input.sql(ofVisitor === null ? visitorAt : visitorAt + 3);
  const name = `${ofVisitor !== null} ${held} ${inputSql}`;
  let sql = reserveTexts.get(name);
  if (sql === undefined) reserveTexts.set(name, (sql = reserveSql(inputSql, ofVisitor !== null, held)));
  const inUse = slotsFor(ofTenant);
  try {
    const [reserved] = await rows<Reservation>(tx, sql, [
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
      slotOf(call.turnId ?? call.id, inUse),
      inUse,
      ...(ofVisitor === null ? [] : [ofVisitor.messages, ofVisitor.tokens, ofVisitor.cost]),
      ...input.values,
    ]);
    if (reserved === undefined) throw new NotReserved();
    const { input: heldInput, output, cost } = reserved;
    return { input: heldInput, output, cost };
  } catch (error) {
    if (isDivisionByZero(error)) throw new NotReserved();
    throw error;
  }
}

function isDivisionByZero(error: unknown): boolean {
  return (error as { code?: string }).code === divisionByZero;
}

/** The call that is told of, and what is booked for each: nothing, what was counted, or what was reserved and at least what was shown. */
const told = 'call IS NOT DISTINCT FROM $3::int';
const nothing = `CASE WHEN ${told} THEN $6::boolean ELSE $12::boolean END`;
const bookedInput = `CASE WHEN ${nothing} THEN 0 WHEN ${told} THEN coalesce($4::int, reserved_input) ELSE reserved_input END`;
const bookedOutput = `CASE WHEN ${nothing} THEN 0 WHEN ${told} THEN coalesce($5::int, greatest(reserved_output, $14::int)) ELSE reserved_output END`;

/** A turn has one visitor: as a value of its own it is looked up by the key, where a join may be planned as a look at all. */
const settleSql = `WITH ended AS (
    UPDATE provider_calls SET settled_at = now(),
      state = CASE WHEN ${nothing} THEN 'released' ELSE 'settled' END,
      outcome = CASE WHEN ${told} THEN $7::text WHEN ${nothing} THEN 'not_begun' ELSE 'lost' END,
      target = CASE WHEN ${told} THEN $8::text END, model = CASE WHEN ${told} THEN $9::text END,
      input_tokens = ${bookedInput}, output_tokens = ${bookedOutput},
      estimated = NOT (${nothing}) AND NOT (${told} AND $4::int IS NOT NULL),
      cost = CASE WHEN ${nothing} THEN 0 WHEN ${told} THEN ${priced(`(${bookedInput})`, `(${bookedOutput})`, '$10', '$11')} ELSE reserved_cost END
    WHERE tenant_id = $1::uuid AND turn_id = $2::uuid AND state = 'reserved'
    RETURNING month_starts_at, day_starts_at, visitor_id, slot, reserved_input::bigint + reserved_output AS reserved, reserved_cost,
      input_tokens::bigint + output_tokens AS booked, cost, 0 AS messages),
  both_ends AS (
    SELECT * FROM ended UNION ALL
    SELECT month_starts_at, day_starts_at, visitor_id, slot, 0, 0, 0, 0, 1 FROM provider_calls
    WHERE $13::boolean AND tenant_id = $1::uuid AND turn_id = $2::uuid AND call = 1),
  of_month AS (
    UPDATE usage_counters c SET tokens = c.tokens + s.booked, tokens_reserved = c.tokens_reserved - s.reserved, cost = c.cost + s.cost,
      cost_reserved = c.cost_reserved - s.reserved_cost, messages = c.messages - s.messages
    FROM (SELECT month_starts_at, slot, sum(booked) AS booked, sum(reserved) AS reserved, sum(cost) AS cost, sum(reserved_cost) AS reserved_cost,
      sum(messages) AS messages FROM both_ends GROUP BY 1, 2) s
    WHERE c.tenant_id = $1::uuid AND c.subject = $1::uuid AND c.starts_at = s.month_starts_at AND c.slot = s.slot RETURNING 1),
  of_day AS (
    UPDATE usage_counters c SET tokens = c.tokens + s.booked, tokens_reserved = c.tokens_reserved - s.reserved, cost = c.cost + s.cost,
      cost_reserved = c.cost_reserved - s.reserved_cost, messages = c.messages - s.messages
    FROM (SELECT day_starts_at, sum(booked) AS booked, sum(reserved) AS reserved, sum(cost) AS cost,
      sum(reserved_cost) AS reserved_cost, sum(messages) AS messages FROM both_ends GROUP BY 1) s, (SELECT count(*) FROM of_month) first
    WHERE c.tenant_id = $1::uuid AND c.subject = (SELECT visitor_id FROM both_ends LIMIT 1) AND c.starts_at = s.day_starts_at AND c.slot = 0)
  SELECT (SELECT count(*) FROM ended)::int AS ended`;

/**
 * Ends the open calls of a turn: the one of `use` by what is known of it, any other as what was reserved (`maximum`: it may have
 * been served), or as nothing (it never began). `giveBackMessage`: the turn gave no answer, and does not count. Doing it twice changes
 * nothing, but for the message: callers do it where the turn ends. Gives how many calls that were.
 */
export async function settleCalls(
  tx: Transaction,
  tenantId: string,
  turnId: string,
  use: CallUse | undefined,
  others: 'maximum' | 'nothing',
  giveBackMessage: boolean,
): Promise<number> {
  const settled = await row<{ ended: number }>(tx, settleSql, [
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
    use?.shownTokens ?? 0,
  ]);
  return settled?.ended ?? 0;
}

/** What was reserved for a turn's call that has not ended; undefined when there is none. */
export function openReservation(tx: Transaction, tenantId: string, turnId: string, call: number): Promise<Reservation | undefined> {
  return row<Reservation>(
    tx,
    `SELECT reserved_input AS input, reserved_output AS output, reserved_cost::float8 AS cost FROM provider_calls
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

/** Makes the counters that are missing. */
export async function makeCounters(tx: Transaction, tenantId: string, visitorId: string | null): Promise<void> {
  await rows(
    tx,
    `INSERT INTO usage_counters (tenant_id, subject, starts_at, slot)
     SELECT $1::uuid, $1::uuid, ${month}, slot FROM generate_series(0, ${slots - 1}) slot
     UNION ALL SELECT $1::uuid, $2::uuid, ${day}, 0 WHERE $2::uuid IS NOT NULL
     ON CONFLICT DO NOTHING`,
    [tenantId, visitorId],
  );
}

/** How the windows of a tenant and a visitor stand, which nobody else changes until the end of the transaction. */
export function holdWindows(tx: Transaction, tenantId: string, visitorId: string | null): Promise<Window[]> {
  return rows<Window>(
    tx,
    `WITH held AS (
       SELECT w.place, w.ends_at, c.messages, c.tokens + c.tokens_reserved AS tokens, c.cost + c.cost_reserved AS cost
       FROM (VALUES (1, $1::uuid, ${month}, ${after('month')}), (2, $2::uuid, ${day}, ${after('day')})) w (place, subject, starts_at, ends_at)
       JOIN usage_counters c ON c.tenant_id = $1::uuid AND c.subject = w.subject AND c.starts_at = w.starts_at
       ORDER BY w.place, c.slot FOR UPDATE OF c)
     SELECT CASE place WHEN 1 THEN 'tenant' ELSE 'visitor' END AS subject, sum(messages)::float8 AS messages, sum(tokens)::float8 AS tokens,
       sum(cost)::float8 AS cost, ends_at AS "endsAt", extract(epoch FROM ends_at - now())::float8 AS "endsIn"
     FROM held GROUP BY place, ends_at ORDER BY place`,
    [tenantId, visitorId],
  );
}
