import { setTimeout as sleep } from 'node:timers/promises';
import { clock } from '../../../kernel/clock.ts';
import { CannotDecrypt, type ContentKey } from '../../../platform/crypto/index.ts';
import type { TurnIds } from '../stream/chunks.ts';
import { LogCipher } from '../stream/log-cipher.ts';
import { LogProducer } from '../stream/log-producer.ts';
import type { StoredBatch, StoredLog } from '../stream/log-store.ts';
import { TurnLog } from '../stream/turn-log.ts';
import type { TurnRow } from './turn.ts';
import { beginEpoch, claimStands } from './turn-lifecycle.ts';
import { TurnLost } from './turn-run.ts';
import type { TurnTools } from './turn-tools.ts';

/** Wait between two tries while Redis is away, in milliseconds. */
const retryMs = 250;

/** Who takes a turn's log: the attempt that runs it, or the one that announces it while it waits. */
export interface LogTaker {
  tenantId: string;
  turn: TurnRow;
  /** Its epoch is raised where the log has to begin anew. */
  ids: TurnIds;
  key: ContentKey;
  /** Nobody can have written before: make the log. Otherwise earlier attempts are fenced off. */
  fresh: boolean;
  /** A log that is within reach of local readers already. */
  log?: TurnLog;
  /** Until when an unreachable Redis is tried, in milliseconds since the epoch. */
  deadlineAt: number;
  signal?: AbortSignal;
  /** Another attempt owns the turn. */
  onLost: () => void;
}

/**
 * Takes a turn's log: makes it, or fences earlier attempts off and continues their numbers. Where the log is gone with its
 * producer, numbers start anew under a new epoch. Throws TurnLost when a later attempt has it.
 */
export async function takeLog(taker: LogTaker, tools: TurnTools): Promise<{ log: TurnLog; producer: LogProducer }> {
  const { store, flusher } = tools.streaming;
  const { tenantId, turn, ids } = taker;
  const earlier = taker.fresh ? undefined : await takeOver(taker, tools);
  const log = taker.log?.epoch === ids.epoch ? taker.log : new TurnLog(turn.id, ids.epoch);
  const cipher = earlier?.cipher ?? new LogCipher(taker.key);
  const already = earlier === undefined ? [] : adopted(taker, log, cipher, earlier.stored.batches);
  const producer = new LogProducer(
    {
      claim: { tenantId, turnId: turn.id, attempt: turn.attempt },
      log,
      cipher,
      store,
      flusher,
      ttl: { runningMs: runningTtl(tools), graceMs: tools.config.logGraceMs },
      claimStands: () => tools.storage.database.forTenant(tenantId, (tx) => claimStands(tx, tenantId, turn.id, turn.attempt)),
      onLost: taker.onLost,
      // Nobody waits for it: the prompt is made, and the model asked, meanwhile.
      ...(earlier === undefined
        ? { making: store.create(tenantId, turn.id, { attempt: turn.attempt, epoch: ids.epoch }, runningTtl(tools)) }
        : {}),
    },
    already,
  );
  return { log, producer };
}

/**
 * Reads the batches of earlier attempts into the log; gives their first numbers. Should the log have to be written again, this
 * attempt seals them as its own: their numbers are below its own ones, so no nonce is used twice.
 */
function adopted({ turn }: LogTaker, log: TurnLog, cipher: LogCipher, batches: StoredBatch[]): number[] {
  return batches.map(({ attempt, first, sealed }) => {
    log.extend(first, cipher.open({ turnId: turn.id, attempt, epoch: log.epoch, first }, sealed), false);
    return first;
  });
}

/** The log so far; undefined when it is gone, after a new epoch was begun. */
async function takeOver(taker: LogTaker, tools: TurnTools): Promise<{ stored: StoredLog; cipher: LogCipher } | undefined> {
  const { tenantId, turn, ids } = taker;
  const found = await untilDeadline(taker, () => tools.streaming.store.fence(tenantId, turn.id, turn.attempt, runningTtl(tools)));
  if (found === 'stale') throw new TurnLost();
  // A sealed log was ended by an attempt that this Postgres does not know (a standby took over): its end cannot be added to.
  if (found !== 'missing' && found.epoch === turn.epoch && !found.sealed) {
    const cipher = await readableBy(taker, tools, found);
    if (cipher !== undefined) return { stored: found, cipher };
  }
  ids.epoch = turn.epoch + 1;
  const begun = await tools.storage.database.forTenant(tenantId, (tx) => beginEpoch(tx, tenantId, turn.id, turn.attempt, ids.epoch));
  if (!begun) throw new TurnLost();
  return undefined;
}

/**
 * What opens the log; undefined when nothing does, and it is as good as gone. Whoever began it may have had another version of the
 * visitor's key.
 */
async function readableBy(taker: LogTaker, tools: TurnTools, stored: StoredLog): Promise<LogCipher | undefined> {
  const { tenantId, turn, key } = taker;
  const cipher = new LogCipher(key);
  if (opens(cipher, turn.id, stored)) return cipher;
  cipher.renew(await untilDeadline(taker, () => tools.storage.keyRing.visitorKeys(tenantId, turn.visitorId, true)));
  return opens(cipher, turn.id, stored) ? cipher : undefined;
}

function opens(cipher: LogCipher, turnId: string, stored: StoredLog): boolean {
  try {
    for (const { attempt, first, sealed } of stored.batches) cipher.open({ turnId, attempt, epoch: stored.epoch, first }, sealed);
    return true;
  } catch (error) {
    if (error instanceof CannotDecrypt) return false;
    throw error;
  }
}

async function untilDeadline<T>({ deadlineAt, signal }: LogTaker, attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (clock.now() >= deadlineAt || signal?.aborted === true) throw error;
      await sleep(retryMs);
    }
  }
}

/** A running turn's log outlives its deadline, so that a take-over finds it. */
function runningTtl(tools: TurnTools): number {
  return tools.config.turnDeadlineMs + tools.config.logGraceMs;
}
