import type { FirstTokenRound } from './measures/first-token.ts';
import type { Gateway, GatewayRounds } from './measures/gateway.ts';
import type { TokensRound } from './measures/tokens.ts';
import type { AskedInPart, Trips, TurnTrips } from './measures/trips.ts';
import type { Column, Row, Table } from './report.ts';
import { pairedRatios, spreadOf } from './statistics.ts';

const columns: Column[] = [
  { key: 'parley', title: 'parley' },
  { key: 'relay', title: 'bare relay' },
  { key: 'portkey', title: 'Portkey' },
  { key: 'parleyByRelay', title: 'parley / relay', places: 2 },
  { key: 'portkeyByRelay', title: 'Portkey / relay', places: 2 },
  { key: 'parleyByPortkey', title: 'parley / Portkey', places: 2 },
];

/** A row that compares. `others`: the figure of those that have no databases. */
function row<T>(label: string, rounds: GatewayRounds<T>, pick: (round: T) => number, others: (round: T) => number = pick): Row {
  const [parley, relay, portkey] = [rounds.parley.map(pick), rounds.relay.map(others), rounds.portkey.map(others)];
  return {
    label,
    figures: {
      parley: spreadOf(parley),
      relay: spreadOf(relay),
      portkey: spreadOf(portkey),
      parleyByRelay: spreadOf(pairedRatios(parley, relay)),
      portkeyByRelay: spreadOf(pairedRatios(portkey, relay)),
      parleyByPortkey: spreadOf(pairedRatios(parley, portkey)),
    },
  };
}

/** A row of figures that say how the round went, and that nobody should compare. */
function note<T>(label: string, rounds: GatewayRounds<T>, pick: (round: T) => number): Row {
  const { parley, relay, portkey } = row(label, rounds, pick).figures;
  return { label, figures: { parley, relay, portkey } };
}

/** Tables of the gateway measure. */
export function gatewayTables({ tokens, firstToken, trips }: Gateway): Table[] {
  return [tokensTable(tokens), firstTokenTable(firstToken), tripsTable(trips)];
}

function tokensTable(rounds: GatewayRounds<TokensRound>): Table {
  return {
    title: 'over SSE: CPU time for each relayed token, µs',
    columns,
    rows: [
      row('steady streams: process', rounds, ({ steady }) => steady.server),
      row(
        '  with Redis and Postgres',
        rounds,
        ({ steady }) => steady.server + steady.redis + steady.postgres,
        ({ steady }) => steady.server,
      ),
      row('whole answers: process', rounds, ({ whole }) => whole.server),
      row(
        '  with Redis and Postgres',
        rounds,
        ({ whole }) => whole.server + whole.redis + whole.postgres,
        ({ whole }) => whole.server,
      ),
      note('tokens a second that arrived', rounds, ({ tokensPerSecond }) => tokensPerSecond),
      note('event loop busy, %', rounds, ({ serverLoop }) => serverLoop * 100),
      note('load process busy, %', rounds, ({ loadLoop }) => loadLoop * 100),
    ],
  };
}

function firstTokenTable(rounds: GatewayRounds<FirstTokenRound>): Table {
  return {
    title: "over SSE: time to first token over the model's own, ms: light load",
    columns,
    rows: [
      row('p50', rounds, ({ p50 }) => p50),
      row('p99', rounds, ({ p99 }) => p99),
      note('request to model, p50', rounds, ({ beforeModel }) => beforeModel),
      note('model to reader, p50', rounds, ({ afterModel }) => afterModel),
      note('samples', rounds, ({ samples }) => samples),
    ],
  };
}

const isTransaction = (sql: string) => sql.startsWith('BEGIN');
/** BEGIN and COMMIT are no statements of anybody's. */
const isStatement = (sql: string) => !/^(BEGIN|COMMIT|ROLLBACK)/.test(sql);
const isQuota = (sql: string) => /\b(usage_counters|provider_calls|tenant_plans)\b/.test(sql);
/** Scripts of rates, places and pacing. */
const isOfGate = (command: string) => /modules\/(plans|models)\//.test(command);

function tripsTable(trips: Trips): Table {
  const line = (label: string, pick: (turn: TurnTrips) => number): Row => ({
    label,
    figures: { socket: spreadOf(trips.socket.map(pick)), completions: spreadOf(trips.completions.map(pick)) },
  });
  const count = (part: keyof TurnTrips, of: 'redis' | 'statements', which: (what: string) => boolean) => (turn: TurnTrips) =>
    turn[part][of].filter(which).length;
  const whole = (pick: (part: AskedInPart) => number) => (turn: TurnTrips) => pick(turn.before) + pick(turn.during) + pick(turn.after);
  const any = () => true;
  return {
    title: 'what a turn asks of Redis and Postgres',
    columns: [
      { key: 'socket', title: 'over the socket', places: 0 },
      { key: 'completions', title: 'over completions', places: 0 },
    ],
    rows: [
      line('Redis commands before the model is asked', count('before', 'redis', any)),
      line('  of them rates, places and pacing', count('before', 'redis', isOfGate)),
      line('Redis commands from there to the end', count('during', 'redis', any)),
      line('  of them rates, places and pacing', count('during', 'redis', isOfGate)),
      line('Redis commands after the end', count('after', 'redis', any)),
      line('Postgres round trips before the model is asked', ({ before }) => before.trips),
      line('  and after that', ({ during, after }) => during.trips + after.trips),
      line(
        'Postgres transactions',
        whole(({ statements }) => statements.filter(isTransaction).length),
      ),
      line(
        'Postgres statements',
        whole(({ statements }) => statements.filter(isStatement).length),
      ),
      line(
        '  of them quotas',
        whole(({ statements }) => statements.filter(isQuota).length),
      ),
    ],
  };
}
