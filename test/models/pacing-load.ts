import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { WitnessEntry } from '../../src/apps/demo-model/witness-log.ts';
import type { PaceKey } from '../../src/modules/models/pacing/pace.ts';

/** How a replica's process is set up. `minuteMs`: the minute of the limits. */
export interface PacingSetup {
  redisUrl: string;
  minuteMs: number;
  replicas: number;
}

/** What one replica offers. */
export interface Load {
  modelUrl: string;
  /** API key and credential in one; the witness tells runs apart by it. */
  key: PaceKey;
  callsPerSecond: number;
  seconds: number;
  /** Bound of each answer; all of it is used up to `answerTokens`. */
  maxTokens: number;
  answerTokens: number;
  /** How long a call may wait, in milliseconds. */
  patienceMs: number;
  paced: boolean;
  /** The Pacer is not shown what the provider says of its limits. */
  silent?: boolean | undefined;
  /** Fixed seeds give the same arrivals. */
  seed: number;
}

/** How the calls of one replica ended, as it believes. */
export interface LoadResult {
  offered: number;
  answered: number;
  /** Refused by the provider. */
  refused: number;
  /** Turned away here, before any call. */
  turnedAway: number;
  /** What else went wrong. */
  failures: string[];
  /** How long answered calls had waited for their share, in milliseconds. */
  waits: number[];
  /** Exchanges with Redis. */
  asked: number;
  /** The longest time that the replica stood still, in milliseconds: what was granted evenly went out in a heap then. */
  stoodMs: number;
}

/** A Pacer in a process of its own, with its own connections, as a replica has it. */
export interface PacingReplica {
  /** Offers calls to a model, and has the Pacer share them out. Rejects when the process ends before it is done. */
  offer: (load: Load) => Promise<LoadResult>;
  close: () => Promise<void>;
}

/** Starts one; resolves when it is ready. The server must have been built. */
export async function startPacingReplica(setup: PacingSetup): Promise<PacingReplica> {
  const { PATH } = process.env;
  const child = fork(fileURLToPath(new URL('pacing-replica.main.ts', import.meta.url)), [JSON.stringify(setup)], {
    execArgv: ['--enable-source-maps'],
    env: PATH === undefined ? {} : { PATH },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const ended = exited.then(() => Promise.reject(new Error('a replica has ended')));
  ended.catch(() => undefined);
  const running = new Map<number, (result: LoadResult) => void>();
  child.on('message', (message: { id: number; result: LoadResult } | 'ready') => {
    if (message !== 'ready') running.get(message.id)?.(message.result);
  });
  await Promise.race([once(child, 'message'), ended]);
  let last = 0;
  return {
    offer: (load) => {
      const id = ++last;
      const done = new Promise<LoadResult>((resolve) => running.set(id, resolve));
      child.send({ id, load });
      return Promise.race([done, ended]).finally(() => running.delete(id));
    },
    close: async () => {
      child.disconnect();
      await exited;
    },
  };
}

/** What the provider's own log says of a run. */
export interface Judged {
  requests: number;
  refused: number;
  /** Part of all requests. */
  refusedPart: number;
  /** Part of the limit that was used, in whole windows of the clock. */
  usedPart: number;
  /** Part of the limit that was used in the window in which it was least. */
  leastPart: number;
}

/**
 * Judges a run by the witness' entries alone. Windows are those of the clock that lie wholly between the first request, or `warmUp`
 * windows later, and the end of the offer. `costOf`: what the provider counts for one request that it served.
 */
export function judge(
  entries: readonly WitnessEntry[],
  limits: { tokens: number; windowMs: number; seconds: number; warmUp: number; costOf: (entry: WitnessEntry) => number },
): Judged {
  const { tokens, windowMs, seconds, warmUp, costOf } = limits;
  const times = entries.map(({ started_at: at }) => Date.parse(at));
  const begin = Math.min(...times);
  const refused = entries.filter(({ status }) => status === 429).length;
  const windows = new Map<number, number>();
  const first = Math.ceil(begin / windowMs) + warmUp;
  const last = Math.floor((begin + seconds * 1_000) / windowMs) - 1;
  for (let window = first; window <= last; window += 1) windows.set(window, 0);
  for (const [index, entry] of entries.entries()) {
    const window = Math.floor((times[index] ?? 0) / windowMs);
    const sum = windows.get(window);
    if (entry.status === 200 && sum !== undefined) windows.set(window, sum + costOf(entry));
  }
  const parts = [...windows.values()].map((sum) => sum / tokens);
  return {
    requests: entries.length,
    refused,
    refusedPart: refused / entries.length,
    usedPart: parts.reduce((sum, part) => sum + part, 0) / parts.length,
    leastPart: Math.min(...parts),
  };
}
