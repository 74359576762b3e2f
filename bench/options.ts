import { parseArgs } from 'node:util';

/** What can be measured on its own. */
export const measureNames = ['tokens', 'ttft', 'idle', 'sends'] as const;
/** Name of a measure. */
export type MeasureName = (typeof measureNames)[number];

/** Size of every part of a run. Times are milliseconds unless the name says otherwise. */
export interface Workload {
  rounds: number;
  /** Whether each measure has one more round first, which is not counted. */
  warm: boolean;
  tokens: {
    /** Answers that stream at once, each on a socket of its own. */
    streams: number;
    tokensPerSecond: number;
    tokensPerAnswer: number;
    firstTokenMs: number;
    /** The streams begin spread over this time. */
    spreadMs: number;
  };
  ttft: {
    /** Sockets that each ask, wait for the whole answer, pause, and ask again. */
    probes: number;
    pauseMs: number;
    lightMs: number;
    loadMs: number;
    tokensPerAnswer: number;
    firstTokenMs: number;
  };
  idle: {
    sockets: number;
    /** Sockets that are opened and closed before the baseline is taken, so that code and buffers are not counted as sockets. */
    warmSockets: number;
    settleMs: number;
    /** Source addresses 127.0.0.1 … 127.0.0.n. */
    addresses: number;
    /** Handshakes at once, of each load process. */
    concurrency: number;
  };
  sends: {
    connections: number;
    tokensPerAnswer: number;
    warmMs: number;
    measuredMs: number;
    /** Turns of one conversation before the next one is begun. */
    turnsPerConversation: number;
  };
}

/** What a run was asked to do. */
export interface Options {
  quick: boolean;
  only: MeasureName[];
  profile: boolean;
  /** False: takes `dist` as it is. */
  build: boolean;
  /** Folder with the built server, from the root of the checkout. */
  dist: string;
  workload: Workload;
  /** After this the run fails, in milliseconds. */
  limitMs: number;
}

const full: Workload = {
  rounds: 5,
  warm: true,
  tokens: { streams: 200, tokensPerSecond: 50, tokensPerAnswer: 300, firstTokenMs: 100, spreadMs: 1_500 },
  ttft: { probes: 4, pauseMs: 20, lightMs: 2_000, loadMs: 3_000, tokensPerAnswer: 3, firstTokenMs: 20 },
  idle: { sockets: 5_000, warmSockets: 500, settleMs: 1_500, addresses: 8, concurrency: 64 },
  sends: { connections: 32, tokensPerAnswer: 5, warmMs: 500, measuredMs: 2_500, turnsPerConversation: 4 },
};

/** Longer answers, so that their beginnings and ends are far from the window that is looked at. */
const profiled: Workload = { ...full, tokens: { ...full.tokens, tokensPerAnswer: 500 } };

const quick: Workload = {
  rounds: 2,
  warm: false,
  tokens: { ...full.tokens, tokensPerAnswer: 140, spreadMs: 400 },
  ttft: { ...full.ttft, lightMs: 800, loadMs: 1_000 },
  idle: { ...full.idle, sockets: 500, warmSockets: 100, settleMs: 450 },
  sends: { ...full.sends, warmMs: 300, measuredMs: 1_000 },
};

/** Text of `--help`. */
export const usage = `npm run bench -- [--quick] [--only tokens,ttft,idle,sends] [--rounds N] [--sockets N] [--profile] [--no-build] [--dist FOLDER]
  --quick      small rounds: does it work at all (under a minute); the figures are only hints
  --only       some of the measures
  --rounds     rounds of each measure, 1 to 20 (default 5)
  --sockets    idle sockets, 100 to 20000 (default 5000)
  --profile    instead of measuring: where the server spends its time while it relays tokens
               (with --only sends: while it answers short questions)
  --no-build   take dist as it is
  --dist       measure another build of the server, to compare two: a copy of dist inside this checkout (implies --no-build)`;

/** Reads the command line. Throws an Error that says what is wrong; undefined for `--help`. */
export function readOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      sockets: { type: 'string' },
      profile: { type: 'boolean', default: false },
      'no-build': { type: 'boolean', default: false },
      dist: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const base = values.quick ? quick : values.profile ? profiled : full;
  const workload: Workload = {
    ...base,
    rounds: integer('--rounds', values.rounds, base.rounds, 1, 20),
    idle: { ...base.idle, sockets: integer('--sockets', values.sockets, base.idle.sockets, 100, 20_000) },
  };
  return {
    quick: values.quick,
    only: measuresOf(values.only),
    profile: values.profile,
    build: !values['no-build'] && values.dist === undefined,
    dist: values.dist ?? 'dist',
    workload,
    limitMs: (values.quick ? 120_000 : 480_000) * Math.max(1, workload.rounds / base.rounds),
  };
}

function measuresOf(only: string[] | undefined): MeasureName[] {
  const names = (only ?? []).flatMap((text) => text.split(','));
  if (names.length === 0) return [...measureNames];
  const unknown = names.find((name) => !(measureNames as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`--only takes ${measureNames.join(', ')}, not "${unknown}".`);
  return measureNames.filter((name) => names.includes(name));
}

function integer(name: string, text: string | undefined, otherwise: number, least: number, most: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new Error(`${name} must be a whole number from ${least} to ${most}, not "${text}".`);
  return value;
}
