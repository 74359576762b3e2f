import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from '../scripts/local/build.mjs';
import { gatewayTables } from './gateway-tables.ts';
import { Fleet } from './load/fleet.ts';
import { measureAudit } from './measures/audit.ts';
import { type Bench, WrongAnswers } from './measures/bench.ts';
import { measureFirstTokenLight, measureFirstTokenUnderLoad } from './measures/first-token.ts';
import { greet, measureGateway } from './measures/gateway.ts';
import { measureIdle } from './measures/idle.ts';
import { measurePrivacy, privacyTable } from './measures/privacy.ts';
import { measureSends, sendsRound } from './measures/sends.ts';
import { measureStorm } from './measures/storm.ts';
import { measureTokens, tokensRound } from './measures/tokens.ts';
import { measureUsers } from './measures/users.ts';
import { type MeasureName, type Options, readOptions, usage } from './options.ts';
import { portkeyVersion } from './portkey.ts';
import { Processes, root } from './processes.ts';
import { summarise } from './profile.ts';
import { formatProfile, formatTable, machine, type Table, writeResult } from './report.ts';
import { Stack } from './stack.ts';
import { auditTable, firstTokenTable, idleTable, sendsTable, stormTable, tokensTable, usersTable } from './tables.ts';
import { descriptorLimit, raiseDescriptorLimit } from './usage.ts';

/** Time between two samples of the profile, in microseconds. */
const profileIntervalUs = 500;

/** Tables and raw rounds of one measure. */
interface Measured {
  tables: Table[];
  rounds: Record<string, unknown>;
}

const measures: Record<Exclude<MeasureName, 'privacy'>, (bench: Bench) => Promise<Measured>> = {
  tokens: async (bench) => {
    const tokens = await measureTokens(bench);
    return { tables: [tokensTable(tokens)], rounds: { tokens } };
  },
  ttft: async (bench) => {
    const light = await measureFirstTokenLight(bench);
    const loaded = await measureFirstTokenUnderLoad(bench);
    const { streams, tokensPerSecond } = bench.workload.tokens;
    return {
      tables: [firstTokenTable('light load', light), firstTokenTable(`beside ${streams} streams of ${tokensPerSecond} tokens/s`, loaded)],
      rounds: { ttftLight: light, ttftUnderLoad: loaded },
    };
  },
  idle: async (bench) => {
    const idle = await measureIdle(bench);
    return { tables: [idleTable(idle)], rounds: { idle } };
  },
  sends: async (bench) => {
    const sends = await measureSends(bench);
    return { tables: [sendsTable(sends)], rounds: { sends } };
  },
  users: async (bench) => {
    const users = await measureUsers(bench);
    return { tables: [usersTable(users)], rounds: { users } };
  },
  storm: async (bench) => {
    const storm = await measureStorm(bench);
    return { tables: [stormTable(storm)], rounds: { storm } };
  },
  gateway: async (bench) => {
    const gateway = await measureGateway(bench);
    return { tables: gatewayTables(gateway), rounds: { gateway } };
  },
  audit: async (bench) => {
    const audit = await measureAudit(bench);
    return { tables: [auditTable(audit)], rounds: { audit } };
  },
};

async function startBench(options: Options, processes: Processes): Promise<Bench> {
  const say = (line: string) => process.stderr.write(`${line}\n`);
  if (options.build) {
    say('building');
    await build();
  }
  say('starting Postgres, Redis, the demo model, the server and the bare relay');
  const stack = await Stack.start(processes, join(root, options.dist), options.limits);
  const [parley, relay] = [await stack.startParley(), await stack.startRelay()];
  const load = new Fleet(processes, 'load', 2, stack.loadFolder());
  const probes = new Fleet(processes, 'probe', 1, stack.loadFolder());
  const tally = { answers: 0, tokens: 0, errors: 0, errorsOfPeer: 0 };
  return { stack, workload: options.workload, load, probes, parley, relay, tally, say };
}

async function measure(options: Options, processes: Processes): Promise<void> {
  const described = { machine: machine(), workload: options.workload };
  const began = performance.now();
  const tables: Table[] = [];
  const rounds: Record<string, unknown> = {};
  let bench: Bench | undefined;
  try {
    for (const name of options.only) {
      if (name === 'privacy') {
        const privacy = measurePrivacy(options.workload);
        tables.push(privacyTable(privacy));
        Object.assign(rounds, { privacy });
        continue;
      }
      bench ??= await startBench(options, processes);
      const measured = await measures[name](bench);
      tables.push(...measured.tables);
      Object.assign(rounds, measured.rounds);
    }
  } catch (error) {
    if (tables.length > 0) console.log(`Before it failed:\n\n${tables.map(formatTable).join('\n\n')}\n`);
    throw error;
  }
  const seconds = Math.round((performance.now() - began) / 1_000);
  console.log(workloadText(options));
  console.log(`\n${tables.map(formatTable).join('\n\n')}\n`);
  const { answers, tokens, errorsOfPeer } = bench?.tally ?? { answers: 0, tokens: 0, errorsOfPeer: 0 };
  if (answers > 0) console.log(`Compared with the model's own log: ${answers} answers, ${tokens} tokens, 0 wrong, 0 missing, 0 errors.`);
  if (options.only.includes('gateway')) console.log(`Wrong answers of the peer among them: ${errorsOfPeer}.`);
  const file = writeResult(options.quick ? 'quick' : 'bench', { ...described, seconds, checked: bench?.tally, tables, rounds });
  console.log(`${seconds} s; the rounds are in ${file}`);
  if (options.quick) console.log('A quick run shows that everything works; its figures are hints.');
}

async function profile(options: Options, processes: Processes): Promise<void> {
  const bench = await startBench(options, processes);
  const { parley } = bench;
  const target = options.only.length === 1 && options.only[0] === 'gateway' ? bench.stack.overCompletions(parley) : parley;
  const ofSends = options.only.length === 1 && options.only[0] === 'sends';
  const file = join(bench.stack.folder, 'server.cpuprofile');
  let tokens = 0;
  const during = async (ms: number): Promise<void> => {
    const before = (await bench.load.look()).tokens;
    await parley.ask({ ask: 'profile-start', intervalUs: profileIntervalUs });
    await sleep(ms);
    await parley.ask({ ask: 'profile-stop', file });
    tokens = (await bench.load.look()).tokens - before;
  };
  const round = (tag: string, inside?: typeof during) =>
    ofSends ? sendsRound(bench, target, tag, inside) : tokensRound(bench, target, tag, inside);
  bench.say('profile: warming up');
  if (target !== parley) await greet(bench, target);
  await round('profile-warm');
  bench.say('profile: running');
  await round('profile', during);
  const { tokensPerAnswer } = options.workload.sends;
  const [count, unit] = ofSends ? [Math.round(tokens / tokensPerAnswer), 'answer'] : [tokens, 'token'];
  const summary = summarise(file, count);
  console.log(workloadText(options));
  console.log(`\nthe server's main thread during ${count} ${unit}s; idle time is left out\n`);
  console.log(formatProfile(summary, unit, 40));
  console.log(`\nthe sums are in ${writeResult('profile', { machine: machine(), workload: options.workload, count, unit, ...summary })}`);
}

function workloadText({ workload, only, limits, profile: profiling }: Options): string {
  const { cpu, cores, memoryGb, node, system, loadAtStart, commit } = machine();
  const { tokens, ttft, idle, sends, users, storm, gateway, audit, privacy, rounds } = workload;
  const plan = limits ? 'a plan with every limit, none of them near' : 'a plan without limits';
  const lines = [
    `machine: ${cores} cores (${cpu}), ${memoryGb} GB, ${system}, Node ${node}, load ${loadAtStart.toFixed(1)} now; commit ${commit}`,
    'everything runs on it: server or relay, demo model, Postgres (fsync on), Redis (AOF, everysec), load processes',
    `the tenant has ${plan}`,
  ];
  const of: Record<MeasureName, string> = {
    tokens: `tokens: ${tokens.streams} sockets with one answer each of ${tokens.tokensPerAnswer} tokens at ${tokens.tokensPerSecond}/s, begun over ${tokens.spreadMs} ms`,
    ttft: `ttft: ${ttft.probes} sockets ask for ${ttft.tokensPerAnswer} tokens, pause 0–${ttft.pauseMs * 2} ms, ask again; ${ttft.lightMs} ms alone, ${ttft.loadMs} ms beside the streams`,
    idle: `idle: ${idle.sockets} sockets of as many visitors from ${idle.addresses} addresses, a new process each round; after ${idle.warmSockets} that were opened and closed`,
    sends: `sends: ${sends.connections} sockets ask for ${sends.tokensPerAnswer} tokens without a pause, ${sends.measuredMs} ms, ${sends.turnsPerConversation} turns a conversation`,
    users: `users: ${users.sockets} sockets of as many visitors from ${idle.addresses} addresses, in turn to ${users.replicas} equal processes, new ones each round; each asks once in ${users.everyMs / 1_000} s for ${users.tokensPerAnswer} tokens at ${users.tokensPerSecond}/s; ${users.measuredMs / 1_000} s, ${users.rounds} rounds`,
    storm: `storm: ${storm.readers} readers of answers of ${storm.tokensPerAnswer} tokens at ${storm.tokensPerSecond}/s; their replica is killed (SIGKILL), and each connects to the other one within ${storm.jitterMs} ms; ${storm.rounds} rounds`,
    gateway: `gateway: chat completions over SSE through parley, a bare relay and @portkey-ai/gateway ${portkeyVersion} in turn: ${gateway.tokens.streams} streams of ${gateway.tokens.tokensPerAnswer} tokens at ${gateway.tokens.tokensPerSecond}/s; ${gateway.ttft.probes} probes alone, ${gateway.ttft.lightMs} ms; ${gateway.rounds} rounds; and ${gateway.turns} single turns`,
    audit: `audit: ${audit.writers} transactions at once on ${audit.connections} connections, each with one entry in the chain of one tenant, ${audit.measuredMs} ms`,
    privacy: `privacy: ${privacy.bytes / 1e6} MB of messages to a support desk, in pieces of ${privacy.messageLength} characters, on one core of this process`,
  };
  if (profiling) return [...lines, only.length === 1 && only[0] === 'sends' ? of.sends : of.tokens].join('\n');
  lines.push(`median (least–most) of ${rounds} rounds where nothing else is said, in turn; ratio = server by relay, round by round`);
  return [...lines, ...only.map((name) => of[name])].join('\n');
}

/** Descriptors for the sockets of the idle measure and some more; throws where they are not to be had. */
function checkDescriptors({ workload, only, profile: profiling }: Options): void {
  const sockets: Partial<Record<MeasureName, number>> = {
    idle: workload.idle.sockets,
    // An answer that streams has a second one, to the model.
    users: workload.users.sockets + 1_000,
    storm: workload.storm.readers * 2,
  };
  const most = profiling ? 0 : Math.max(0, ...only.map((name) => sockets[name] ?? 0));
  const needed = Math.max(most, workload.tokens.streams * 2) + 1_000;
  if (descriptorLimit() >= needed || raiseDescriptorLimit(needed)) return;
  throw new Error(
    `${needed} descriptors are needed and ${descriptorLimit()} allowed: raise "ulimit -n", or measure fewer sockets with --sockets.`,
  );
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) {
    console.log(usage);
    return 0;
  }
  if (process.platform !== 'linux') throw new Error('The benchmark reads CPU time and memory from /proc: it needs Linux.');
  checkDescriptors(options);
  const processes = new Processes();
  const interrupted = new Promise<number>((resolve) => {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const)
      process.on(signal, () => resolve(code));
  });
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The run took longer than ${options.limitMs / 1_000} s and was ended.`)), options.limitMs);
  });
  try {
    const work = (options.profile ? profile : measure)(options, processes).then(() => 0);
    return await Promise.race([work, interrupted, tooLong]);
  } finally {
    clearTimeout(timer);
    await processes.stopAll();
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const expected = error instanceof WrongAnswers || (error instanceof Error && error.name === 'LauncherError');
    console.error(error instanceof Error ? (expected ? error.message : (error.stack ?? error.message)) : String(error));
    process.exit(1);
  },
);
