import { parseArgs } from 'node:util';

/** What can be measured on its own. */
export const measureNames = ['tokens', 'ttft', 'idle', 'sends', 'users', 'storm', 'gateway', 'audit', 'privacy'] as const;
/** Name of a measure. */
export type MeasureName = (typeof measureNames)[number];

/** What a run without `--only` measures: the others take minutes a round. */
const usual: MeasureName[] = ['tokens', 'ttft', 'idle', 'sends'];

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
  users: {
    /** Open sockets, each of a visitor of its own. */
    sockets: number;
    /** Each asks once in this time, at a moment of its own. */
    everyMs: number;
    /** They ask for this long before it counts. */
    warmMs: number;
    measuredMs: number;
    tokensPerAnswer: number;
    tokensPerSecond: number;
    firstTokenMs: number;
    /** Equal processes that the sockets are shared out between. */
    replicas: number;
    rounds: number;
  };
  storm: {
    /** Readers that lose their replica at the same moment. */
    readers: number;
    /** Each waits a random part of this before it connects again. */
    jitterMs: number;
    /** The readers begin spread over this time. */
    spreadMs: number;
    tokensPerAnswer: number;
    tokensPerSecond: number;
    rounds: number;
  };
  gateway: {
    tokens: Workload['tokens'];
    ttft: Workload['ttft'];
    rounds: number;
    /** Turns whose round trips are counted, one after the other. */
    turns: number;
  };
  audit: {
    /** Transactions under way at once, all of one tenant. */
    writers: number;
    connections: number;
    measuredMs: number;
  };
  privacy: {
    /** Text that is searched in each round, in bytes of UTF-8. */
    bytes: number;
    /** Characters of one message of it. */
    messageLength: number;
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
  /** Whether the tenant's plan has every limit, none of which is reached; false: no limit at all. */
  limits: boolean;
  workload: Workload;
  /** After this the run fails, in milliseconds. */
  limitMs: number;
}

const tokens: Workload['tokens'] = { streams: 200, tokensPerSecond: 50, tokensPerAnswer: 300, firstTokenMs: 100, spreadMs: 1_500 };
const ttft: Workload['ttft'] = { probes: 4, pauseMs: 20, lightMs: 2_000, loadMs: 3_000, tokensPerAnswer: 3, firstTokenMs: 20 };

const full: Workload = {
  rounds: 5,
  warm: true,
  tokens,
  ttft,
  idle: { sockets: 5_000, warmSockets: 500, settleMs: 1_500, addresses: 8, concurrency: 64 },
  sends: { connections: 32, tokensPerAnswer: 5, warmMs: 500, measuredMs: 2_500, turnsPerConversation: 4 },
  users: {
    sockets: 10_000,
    everyMs: 60_000,
    warmMs: 10_000,
    measuredMs: 60_000,
    tokensPerAnswer: 100,
    tokensPerSecond: 30,
    firstTokenMs: 100,
    replicas: 2,
    rounds: 1,
  },
  storm: { readers: 2_000, jitterMs: 1_000, spreadMs: 8_000, tokensPerAnswer: 60, tokensPerSecond: 3, rounds: 1 },
  gateway: { tokens: { ...tokens, tokensPerAnswer: 250 }, ttft, rounds: 3, turns: 20 },
  privacy: { bytes: 2_000_000, messageLength: 2_000 },
  audit: { writers: 64, connections: 16, measuredMs: 3_000 },
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
  users: { ...full.users, sockets: 500, warmMs: 2_000, measuredMs: 10_000, everyMs: 20_000 },
  storm: { ...full.storm, readers: 200, spreadMs: 1_000, tokensPerAnswer: 30 },
  gateway: {
    tokens: { ...tokens, tokensPerAnswer: 200 },
    ttft: { ...ttft, lightMs: 800 },
    rounds: 2,
    turns: 6,
  },
  audit: { ...full.audit, measuredMs: 1_000 },
  privacy: { bytes: 500_000, messageLength: 2_000 },
};

/** Text of `--help`. */
export const usage = `npm run bench -- [--quick] [--only tokens,ttft,idle,sends,users,storm,gateway,audit,privacy] [--rounds N] [--sockets N] [--users N] [--seconds N] [--replicas N] [--readers N] [--profile] [--no-limits] [--no-build] [--dist FOLDER]
  --quick      small rounds: does it work at all (under a minute); the figures are only hints
  --only       some of the measures (default tokens, ttft, idle and sends; users, storm and gateway take minutes; audit: rows a second in one tenant's trail; privacy: no server, only how fast texts are searched)
  --rounds     rounds of each measure, 1 to 20 (default 5; of users and storm 1, of gateway 3)
  --sockets    idle sockets, 100 to 20000 (default 5000)
  --users      users with an open socket each, 10 to 19000 (default 10000)
  --seconds    how long they ask, 5 to 600 (default 60)
  --replicas   processes that their sockets are shared out between, 1 to 8 (default 2)
  --readers    readers that lose their replica at once, 10 to 9000 (default 2000)
  --profile    instead of measuring: where the server spends its time while it relays tokens
               (with --only sends: while it answers short questions; with --only gateway: over SSE)
  --no-limits  the tenant's plan has no limits (otherwise it has all of them, so high that none refuses)
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
      users: { type: 'string' },
      seconds: { type: 'string' },
      replicas: { type: 'string' },
      readers: { type: 'string' },
      profile: { type: 'boolean', default: false },
      'no-limits': { type: 'boolean', default: false },
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
    users: {
      ...base.users,
      sockets: integer('--users', values.users, base.users.sockets, 10, 19_000),
      measuredMs: integer('--seconds', values.seconds, base.users.measuredMs / 1_000, 5, 600) * 1_000,
      replicas: integer('--replicas', values.replicas, base.users.replicas, 1, 8),
      rounds: integer('--rounds', values.rounds, base.users.rounds, 1, 20),
    },
    storm: {
      ...base.storm,
      readers: integer('--readers', values.readers, base.storm.readers, 10, 9_000),
      rounds: integer('--rounds', values.rounds, base.storm.rounds, 1, 20),
    },
    gateway: { ...base.gateway, rounds: integer('--rounds', values.rounds, base.gateway.rounds, 1, 20) },
  };
  const only = measuresOf(values.only);
  return {
    quick: values.quick,
    only,
    profile: values.profile,
    build: !values['no-build'] && values.dist === undefined,
    dist: values.dist ?? 'dist',
    limits: !values['no-limits'],
    workload,
    limitMs: (values.quick ? 120_000 : 480_000) * Math.max(1, workload.rounds / base.rounds) + longMs(only, workload),
  };
}

/** What the long measures may take besides, in milliseconds. */
function longMs(only: MeasureName[], { users, storm, gateway }: Workload): number {
  const ofUsers = only.includes('users') ? users.rounds * 2 * (users.warmMs + users.measuredMs + 120_000) : 0;
  const ofStorm = only.includes('storm') ? storm.rounds * 180_000 : 0;
  return ofUsers + ofStorm + (only.includes('gateway') ? 120_000 + gateway.rounds * 60_000 : 0);
}

function measuresOf(only: string[] | undefined): MeasureName[] {
  const names = (only ?? []).flatMap((text) => text.split(','));
  if (names.length === 0) return usual;
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
