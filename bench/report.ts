import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Rounds } from './measures/bench.ts';
import type { FirstTokenRound } from './measures/first-token.ts';
import type { IdleRound } from './measures/idle.ts';
import type { SendsRound } from './measures/sends.ts';
import type { TokensRound } from './measures/tokens.ts';
import { root } from './processes.ts';
import type { ProfileSummary } from './profile.ts';
import { pairedRatios, type Spread, spreadOf } from './statistics.ts';

/** One line of a table: a figure of both targets and their quotient. */
export interface Row {
  label: string;
  parley: Spread;
  relay: Spread | undefined;
  /** Parley by relay, round by round. */
  ratio: Spread | undefined;
}

/** A measure's table. */
export interface Table {
  title: string;
  rows: Row[];
}

/** What a run was made on. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGb: number;
  node: string;
  system: string;
  loadAtStart: number;
  commit: string;
}

/** Describes this machine. */
export function machine(): Machine {
  const { model = 'unknown' } = cpus()[0] ?? {};
  return {
    cpu: model.trim(),
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    system: readFileSync('/proc/version', 'utf8').split(' ').slice(0, 3).join(' '),
    loadAtStart: loadavg()[0] ?? 0,
    commit: commit(),
  };
}

function commit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', 'src') === '' ? '' : ' with changes'}`;
  } catch {
    return 'unknown';
  }
}

/** A row that compares. `relayPick` where the relay has another figure to be compared with. */
function row<T>(label: string, rounds: Rounds<T>, pick: (round: T) => number, relayPick: ((round: T) => number) | null = pick): Row {
  const parley = rounds.parley.map(pick);
  const relay = relayPick === null ? undefined : rounds.relay.map(relayPick);
  return {
    label,
    parley: spreadOf(parley),
    relay: relay && spreadOf(relay),
    ratio: relay && spreadOf(pairedRatios(parley, relay)),
  };
}

/** A row of figures that say how the round went, and that nobody should compare. */
function note<T>(label: string, rounds: Rounds<T>, pick: (round: T) => number): Row {
  return { ...row(label, rounds, pick), ratio: undefined };
}

/** Table of the token measure. */
export function tokensTable(rounds: Rounds<TokensRound>): Table {
  const server = ({ steady }: TokensRound) => steady.server;
  const wholeServer = ({ whole }: TokensRound) => whole.server;
  return {
    title: 'CPU time for each relayed token, µs',
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

/** A table as text. */
export function formatTable({ title, rows }: Table): string {
  const cells = [
    [title, 'parley', 'bare relay', 'ratio'],
    ...rows.map(({ label, parley, relay, ratio }) => [
      label,
      formatSpread(parley),
      relay ? formatSpread(relay) : '',
      ratio ? formatSpread(ratio, 2) : '',
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const lines = cells.map((line) =>
    line.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('   '),
  );
  lines.splice(1, 0, '-'.repeat(lines[0]?.length ?? 0));
  return lines.join('\n');
}

function formatSpread({ median, min, max }: Spread, digits?: number): string {
  const places = digits ?? (Math.abs(median) >= 100 ? 0 : Math.abs(median) >= 10 ? 1 : 2);
  return `${median.toFixed(places)} (${min.toFixed(places)}–${max.toFixed(places)})`;
}

/** A profile as text. */
export function formatProfile({ functions, groups }: ProfileSummary, unit: string, top: number): string {
  const line = (each: number, share: number, name: string) =>
    `${each.toFixed(2).padStart(8)}  ${(share * 100).toFixed(1).padStart(5)}  ${name}`;
  const heading = `µs/${unit}      %`;
  return [
    `self time by package, folder or part of Node`,
    heading,
    ...groups.slice(0, 25).map(({ each, share, name }) => line(each, share, name)),
    '',
    `self time by function`,
    heading,
    ...functions.slice(0, top).map(({ each, share, name }) => line(each, share, name)),
  ].join('\n');
}

/** Writes a result as JSON; gives the path. */
export function writeResult(name: string, result: unknown): string {
  const folder = join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${new Date().toISOString().replace(/[:.]/g, '-')}-${name}.json`);
  writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`);
  return file;
}
