import type { AuditRound } from './measures/audit.ts';
import type { Rounds } from './measures/bench.ts';
import type { FirstTokenRound } from './measures/first-token.ts';
import type { IdleRound } from './measures/idle.ts';
import type { SendsRound } from './measures/sends.ts';
import type { StormRound } from './measures/storm.ts';
import type { TokensRound } from './measures/tokens.ts';
import type { UsersRound } from './measures/users.ts';
import type { Column, Row, Table } from './report.ts';
import { pairedRatios, spreadOf } from './statistics.ts';

const columns: Column[] = [
  { key: 'parley', title: 'parley' },
  { key: 'relay', title: 'bare relay' },
  { key: 'ratio', title: 'ratio', places: 2 },
];

/** A row that compares. `relayPick` where the relay has another figure to be compared with. */
function row<T>(label: string, rounds: Rounds<T>, pick: (round: T) => number, relayPick: ((round: T) => number) | null = pick): Row {
  const parley = rounds.parley.map(pick);
  const relay = relayPick === null ? undefined : rounds.relay.map(relayPick);
  const ratio = relay && spreadOf(pairedRatios(parley, relay));
  return { label, figures: { parley: spreadOf(parley), relay: relay && spreadOf(relay), ratio } };
}

/** A row of figures that say how the round went, and that nobody should compare. */
function note<T>(label: string, rounds: Rounds<T>, pick: (round: T) => number): Row {
  const { figures } = row(label, rounds, pick);
  return { label, figures: { ...figures, ratio: undefined } };
}

/** Table of the token measure. */
export function tokensTable(rounds: Rounds<TokensRound>): Table {
  const server = ({ steady }: TokensRound) => steady.server;
  const wholeServer = ({ whole }: TokensRound) => whole.server;
  return {
    title: 'CPU time for each relayed token, µs',
    columns,
    rows: [
      row('steady streams: process', rounds, server),
      row('  Redis', rounds, ({ steady }) => steady.redis, null),
      row('  Postgres', rounds, ({ steady }) => steady.postgres, null),
      row('  all three', rounds, ({ steady }) => steady.server + steady.redis + steady.postgres, server),
      row('whole answers: process', rounds, wholeServer),
      row('  Redis', rounds, ({ whole }) => whole.redis, null),
      row('  Postgres', rounds, ({ whole }) => whole.postgres, null),
      row('  all three', rounds, ({ whole }) => whole.server + whole.redis + whole.postgres, wholeServer),
      note('tokens a second that arrived', rounds, ({ tokensPerSecond }) => tokensPerSecond),
      note('event loop busy, %', rounds, ({ serverLoop }) => serverLoop * 100),
      note('load process busy, %', rounds, ({ loadLoop }) => loadLoop * 100),
    ],
  };
}

/** Table of a time-to-first-token measure. */
export function firstTokenTable(title: string, rounds: Rounds<FirstTokenRound>): Table {
  return {
    title: `time to first token over the model's own, ms: ${title}`,
    columns,
    rows: [
      row('p50', rounds, ({ p50 }) => p50),
      row('p99', rounds, ({ p99 }) => p99),
      note('message to model, p50', rounds, ({ beforeModel }) => beforeModel),
      note('model to reader, p50', rounds, ({ afterModel }) => afterModel),
      note('samples', rounds, ({ samples }) => samples),
      note('event loop busy, %', rounds, ({ serverLoop }) => serverLoop * 100),
    ],
  };
}

/** Table of the idle measure. */
export function idleTable(rounds: Rounds<IdleRound>): Table {
  return {
    title: 'an idle socket',
    columns,
    rows: [
      row('resident memory, KB', rounds, ({ rss }) => rss / 1024),
      row('  of it on the heap, KB', rounds, ({ heap }) => heap / 1024),
      row('  before a collection, KB', rounds, ({ rssUncollected }) => rssUncollected / 1024),
      row('handshakes a second', rounds, ({ handshakes }) => handshakes),
      note('CPU of all idle sockets, ms/s', rounds, ({ cpu }) => cpu),
    ],
  };
}

/** Table of the sends measure. */
export function sendsTable(rounds: Rounds<SendsRound>): Table {
  return {
    title: 'short questions in a closed loop',
    columns,
    rows: [
      row('answered a second', rounds, ({ perSecond }) => perSecond),
      row('CPU for each, µs: process', rounds, ({ cpu }) => cpu.server),
      row('  Redis', rounds, ({ cpu }) => cpu.redis, null),
      row('  Postgres', rounds, ({ cpu }) => cpu.postgres, null),
      row('message to end, p50 ms', rounds, ({ p50 }) => p50),
      row('message to end, p99 ms', rounds, ({ p99 }) => p99),
      note('event loop busy, %', rounds, ({ serverLoop }) => serverLoop * 100),
      note('load process busy, %', rounds, ({ loadLoop }) => loadLoop * 100),
    ],
  };
}

/** Table of the users measure. */
export function usersTable(rounds: Rounds<UsersRound>): Table {
  return {
    title: 'many users who ask now and then',
    columns,
    rows: [
      row("first token over the model's own, p50 ms", rounds, ({ p50 }) => p50),
      row('  p99 ms', rounds, ({ p99 }) => p99),
      row("end over the model's own, p99 ms", rounds, ({ endP99 }) => endP99),
      row('memory for each open socket, KB', rounds, ({ rss }) => rss / 1024),
      row('  when all have asked, KB', rounds, ({ rssAfter }) => rssAfter / 1024),
      row('handshakes a second', rounds, ({ handshakes }) => handshakes),
      row('cores in use: process', rounds, ({ cores }) => cores.server),
      row('  Redis', rounds, ({ cores }) => cores.redis, null),
      row('  Postgres', rounds, ({ cores }) => cores.postgres, null),
      note('  model', rounds, ({ cores }) => cores.model),
      note('  load', rounds, ({ cores }) => cores.load),
      note('messages a second', rounds, ({ sendsPerSecond }) => sendsPerSecond),
      note('tokens a second that arrived', rounds, ({ tokensPerSecond }) => tokensPerSecond),
      note('event loop busy, %', rounds, ({ serverLoop }) => serverLoop * 100),
      note('load process busy, %', rounds, ({ loadLoop }) => loadLoop * 100),
    ],
  };
}

/** Table of the storm measure. */
export function stormTable(rounds: Rounds<StormRound>): Table {
  const own = (label: string, pick: (round: StormRound) => number) => row(label, rounds, pick, null);
  return {
    title: 'all readers of a killed replica come to the other one',
    columns,
    rows: [
      own('readers that lost their socket', ({ struck }) => struck),
      own('until the answer is followed again, p50 ms', ({ resumedP50 }) => resumedP50),
      own('  p99 ms', ({ resumedP99 }) => resumedP99),
      own('until its next chunk, p50 ms', ({ continuedP50 }) => continuedP50),
      own('  p99 ms', ({ continuedP99 }) => continuedP99),
      own('refused connections a reader', ({ refusals }) => refusals),
      own("CPU for each reader, to its answer's end, ms: process", ({ serverMs }) => serverMs),
      own('  Postgres', ({ postgresMs }) => postgresMs),
    ],
  };
}

/** Table of the audit measure. */
export function auditTable(rounds: Rounds<AuditRound>): Table {
  const own = (label: string, pick: (round: AuditRound) => number) => row(label, rounds, pick, null);
  return {
    title: "one tenant's audit trail",
    columns,
    rows: [
      own('rows a second', ({ perSecond }) => perSecond),
      own('BEGIN to COMMIT with the queue, p50 ms', ({ p50 }) => p50),
      own('  p99 ms', ({ p99 }) => p99),
      own("Postgres' CPU for each, µs", ({ postgres }) => postgres),
    ],
  };
}
