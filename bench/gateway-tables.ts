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

/** The peer lets this pass before it hands on the first event of a stream, on purpose (`readStream` in its streamHandler.ts), in milliseconds. */
const pauseOfPeerMs = 25;

function unpaused(rounds: GatewayRounds<FirstTokenRound>): GatewayRounds<FirstTokenRound> {
  return { ...rounds, portkey: rounds.portkey.map((round) => ({ ...round, p50: round.p50 - pauseOfPeerMs })) };
}

function firstTokenTable(rounds: GatewayRounds<FirstTokenRound>): Table {
  return {
    title: "over SSE: time to first token over the model's own, ms: light load",
    columns,
    rows: [
      row('p50', rounds, ({ p50 }) => p50),
      row(`  less the ${pauseOfPeerMs} ms that Portkey waits on purpose`, unpaused(rounds), ({ p50 }) => p50),
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
const isQuota = (sql: string) => /\b(usage_counters|provider_calls)\b/.test(sql);
/** Scripts of the plan's rates and places, and giving a place back. */
const isDoor = (command: string) => /modules\/plans\/|^ZREM t:.*:turns$/.test(command);
const isPacing = (command: string) => /modules\/models\//.test(command);

function tripsTable(trips: Trips): Table {
  const line = (label: string, pick: (turn: TurnTrips) => number): Row => ({
    label,
    figures: { socket: spreadOf(trips.socket.map(pick)), completions: spreadOf(trips.completions.map(pick)) },
  });
  const redis = (part: keyof TurnTrips, label: string): Row[] => {
    const count = (which: (command: string) => boolean) => (turn: TurnTrips) => turn[part].redis.filter(which).length;
    return [
      line(
        `Redis commands ${label}`,
        count(() => true),
      ),
      line('  of them rates and places of the plan', count(isDoor)),
      line('  of them pacing', count(isPacing)),
    ];
  };
  const parts = ({ before, waiting, streaming, after }: TurnTrips): AskedInPart[] => [before, waiting, streaming, after];
  const statements = (which: (sql: string) => boolean) => (turn: TurnTrips) =>
    parts(turn).flatMap((part) => part.statements.filter(which)).length;
  return {
    title: 'what a turn of ten tokens asks of Redis and Postgres',
    columns: [
      { key: 'socket', title: 'over the socket', places: 0 },
      { key: 'completions', title: 'over completions', places: 0 },
    ],
    rows: [
      ...redis('before', 'before the model is asked'),
      ...redis('waiting', 'from there to the first token'),
      ...redis('streaming', 'from there to the end'),
      ...redis('after', 'after the end'),
      line('Postgres round trips before the model is asked', ({ before }) => before.trips),
      line('  while tokens come, to the end', ({ waiting, streaming }) => waiting.trips + streaming.trips),
      line('  after the end', ({ after }) => after.trips),
      line('Postgres transactions', statements(isTransaction)),
      line('Postgres statements', statements(isStatement)),
      line('  of them reserve and settle', statements(isQuota)),
    ],
  };
}
