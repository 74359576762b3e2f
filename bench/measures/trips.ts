import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClientSocket } from '../load/client-socket.ts';
import { CompletionsClient } from '../load/completions-client.ts';
import { type ChatClient, now } from '../load/received.ts';
import type { Answer } from '../load/messages.ts';
import type { Stack, StartedTarget } from '../stack.ts';
import { postgresStatements } from '../taps/postgres-statements.ts';
import { redisCommands } from '../taps/redis-commands.ts';
import { openTap, type Tap } from '../taps/tap.ts';
import { type Bench, verify } from './bench.ts';

/** One thing that the server asked of what stands behind it. */
interface Asked {
  at: number;
  of: 'redis' | 'statement' | 'trip' | 'model';
  /** A Redis command and the shape of its key (of a script, its file) or the SQL. */
  what: string;
}

/** What was asked in one part of a turn, in order. */
export interface AskedInPart {
  redis: string[];
  statements: string[];
  /** Round trips to Postgres. */
  trips: number;
}

/** One turn: until the model is asked, until the reader has the first token, until it has the end, and after that. */
export interface TurnTrips {
  before: AskedInPart;
  waiting: AskedInPart;
  streaming: AskedInPart;
  after: AskedInPart;
}

/** Turns of both ways to ask. */
export type Trips = Record<'socket' | 'completions', TurnTrips[]>;

/** Turns that warm caches, connections and prepared statements up. */
const warmTurns = 5;
/** How long after an answer's end its work goes on, in milliseconds. */
const afterworkMs = 100;
const script = { tokens: 10, tokens_per_second: 50, first_token_ms: 50 };
const answerLimitMs = 20_000;

/**
 * Counts what a server asks of Redis and Postgres for single turns, one after the other, on the wire: it is started behind taps. Left out is what it
 * asks without any turn: the system role's connections (heartbeats, sweeps, the outbox) and those to Redis that jobs and hints wait on.
 */
export async function measureTrips(bench: Bench): Promise<Trips> {
  const { stack } = bench;
  const asked: Asked[] = [];
  const taps = await openTaps(stack, asked);
  const target = await stack.startParley({ redis: taps.redis.port, postgres: taps.postgres.port, model: taps.model.port });
  try {
    const overCompletions = stack.overCompletions(target);
    return {
      socket: await turnsOf(bench, target, 'socket', asked),
      completions: await turnsOf(bench, overCompletions, 'completions', asked),
    };
  } finally {
    await target.stop();
    await Promise.all(Object.values(taps).map((tap) => tap.stop()));
  }
}

async function openTaps({ ports, dist }: Stack, asked: Asked[]): Promise<Record<'redis' | 'postgres' | 'model', Tap>> {
  const scripts = scriptFiles(dist);
  const note = (of: Asked['of'], what: string) => asked.push({ at: now(), of, what });
  const redis = () => {
    let ofTurns = false;
    return redisCommands(([name = '', ...words]) => {
      if (name === 'CLIENT' && words[0]?.toUpperCase() === 'SETNAME') ofTurns = words[1] === 'parley-commands';
      else if (ofTurns)
        note('redis', name === 'EVALSHA' ? (scripts.get(words[0] ?? '') ?? 'unknown script') : `${name} ${shapeOf(words[0])}`);
    });
  };
  const isOfTurns = (application: string) => application !== 'parley-system';
  const postgres = () =>
    postgresStatements({
      statement: (sql, application) => isOfTurns(application) && note('statement', sql),
      trip: (application) => isOfTurns(application) && note('trip', ''),
    });
  const model = () => ({ sent: (bytes: Buffer) => bytes.toString('latin1', 0, 5) === 'POST ' && note('model', '') });
  return {
    redis: await openTap(ports.redis, redis),
    postgres: await openTap(ports.postgres, postgres),
    model: await openTap(ports.model, model),
  };
}

async function turnsOf(bench: Bench, target: StartedTarget, name: keyof Trips, asked: Asked[]): Promise<TurnTrips[]> {
  bench.say(`round trips: ${name}`);
  const client = await clientOf(target);
  const turns: TurnTrips[] = [];
  const answers: Answer[] = [];
  for (let turn = -warmTurns; turn < bench.workload.gateway.turns; turn += 1) {
    const marker = `trips-${name}-${turn}`;
    asked.length = 0;
    const answer = await client.ask(`trips-${name}`, marker, `[[demo: ${JSON.stringify(script)}]] ${marker}`, answerLimitMs);
    await sleep(afterworkMs);
    answers.push(answer);
    if (turn >= 0) turns.push(partsOf(asked, answer));
  }
  await client.close();
  await verify(bench, target, answers, () => script.tokens);
  return turns;
}

function shapeOf(key = ''): string {
  return key.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '…').replace(/[0-9a-f]{32,}/g, '…');
}

function clientOf(target: StartedTarget): Promise<ChatClient> {
  const { url, headers, model } = target;
  if (target.speaks === 'completions') return CompletionsClient.open({ url, headers, model, user: 'trips' });
  return ClientSocket.open(`${url}&visitor_id=trips`, headers, '127.0.0.1');
}

function partsOf(asked: Asked[], { firstAt, endedAt }: Answer): TurnTrips {
  const modelAt = asked.find(({ of }) => of === 'model')?.at ?? Number.POSITIVE_INFINITY;
  const between = (from: number, until: number) => partOf(asked.filter(({ at }) => at >= from && at < until));
  return {
    before: between(0, modelAt),
    waiting: between(modelAt, firstAt),
    streaming: between(firstAt, endedAt),
    after: between(endedAt, Number.POSITIVE_INFINITY),
  };
}

function partOf(asked: Asked[]): AskedInPart {
  const all = (of: Asked['of']) => asked.filter((each) => each.of === of).map(({ what }) => what.replace(/\s+/g, ' '));
  return { redis: all('redis'), statements: all('statement'), trips: all('trip').length };
}

/** The server's Lua files by the hash that Redis knows them by. */
function scriptFiles(dist: string): Map<string, string> {
  const src = join(dist, 'src');
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.lua'));
  return new Map(
    files.map((file) => [
      createHash('sha1')
        .update(readFileSync(join(src, file)))
        .digest('hex'),
      relative('.', file),
    ]),
  );
}
