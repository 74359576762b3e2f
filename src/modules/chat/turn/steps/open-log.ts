import { setTimeout as sleep } from 'node:timers/promises';
import { clock } from '../../../../kernel/clock.ts';
import { CannotDecrypt } from '../../../../platform/crypto/index.ts';
import { type Chunk, openingChunks } from '../../stream/chunks.ts';
import { LogCipher } from '../../stream/log-cipher.ts';
import { LogProducer } from '../../stream/log-producer.ts';
import type { StoredBatch, StoredLog } from '../../stream/log-store.ts';
import { TurnLog } from '../../stream/turn-log.ts';
import { beginEpoch, claimStands } from '../turn-lifecycle.ts';
import { TurnLost, type TurnRun } from '../turn-run.ts';
import type { TurnTools } from '../turn-tools.ts';

/** Wait between two tries while Redis is away, in milliseconds. */
const retryMs = 250;

/**
 * Takes the turn's log. A first attempt makes it; a later one fences earlier ones off, continues their numbers and
 * announces the restart. Where the log is gone with its producer, numbers start anew under a new epoch.
 */
export async function openLog(run: TurnRun, tools: TurnTools): Promise<void> {
  const { store, flusher, logs } = tools.streaming;
  const { tenantId, turn } = run;
  const earlier = turn.attempt === 1 ? undefined : await takeOver(run, tools);
  if (earlier === undefined) await create(run, tools);
  const log = run.log ?? new TurnLog(turn.id, run.ids.epoch);
  const cipher = new LogCipher(run.key);
  const already = earlier === undefined ? [] : adopted(run, tools, log, cipher, earlier.batches);
  run.log = log;
  run.producer = new LogProducer(
    {
      claim: { tenantId, turnId: turn.id, attempt: turn.attempt },
      log,
      cipher,
      store,
      flusher,
      ttl: { runningMs: runningTtl(tools), graceMs: tools.config.logGraceMs },
      claimStands: () => tools.storage.database.forTenant(tenantId, (tx) => claimStands(tx, tenantId, turn.id, turn.attempt)),
      onLost: () => {
        run.cutReason = 'lost';
        run.abort.abort();
      },
    },
    already,
  );
  logs.addProduced(log);
  const restart: Chunk[] = [{ type: 'reset-step' }];
  run.producer.add(log.next === 0 ? openingChunks(run.ids) : restart);
}

/**
 * The batches of earlier attempts, sealed anew under this attempt: should the log have to be written again, every batch of it
 * then stands under the attempt that writes it. Their numbers are below this attempt's own, so no nonce is used twice.
 */
function adopted(run: TurnRun, tools: TurnTools, log: TurnLog, cipher: LogCipher, batches: StoredBatch[]) {
  const { tenantId, turn } = run;
  const claim = { tenantId, turnId: turn.id, attempt: turn.attempt, epoch: log.epoch };
  return batches.map(({ attempt, first, count, sealed }) => {
    const chunks = cipher.open({ turnId: turn.id, attempt, epoch: log.epoch, first }, sealed);
    log.extend(first, chunks, false);
    const bytes = cipher.seal({ turnId: turn.id, attempt: turn.attempt, epoch: log.epoch, first }, chunks);
    return { chunks, request: { ...claim, first, count, bytes, last: false, ttlMs: runningTtl(tools) } };
  });
}

async function create(run: TurnRun, tools: TurnTools): Promise<void> {
  const { tenantId, turn } = run;
  try {
    const made = await tools.streaming.store.create(tenantId, turn.id, turn.attempt, run.ids.epoch, runningTtl(tools));
    if (made === 'stale') throw new TurnLost();
  } catch (error) {
    // While Redis is away the first append will find the log missing and bring it back.
    if (error instanceof TurnLost) throw error;
  }
}

/** The log so far; undefined when it is gone, after a new epoch was begun. */
async function takeOver(run: TurnRun, tools: TurnTools): Promise<StoredLog | undefined> {
  const { tenantId, turn } = run;
  const found = await untilDeadline(run, () => tools.streaming.store.fence(tenantId, turn.id, turn.attempt, runningTtl(tools)));
  if (found === 'stale') throw new TurnLost();
  if (found !== 'missing' && found.epoch === turn.epoch && readable(run, found)) return found;
  run.ids.epoch = turn.epoch + 1;
  const begun = await tools.storage.database.forTenant(tenantId, (tx) => beginEpoch(tx, tenantId, turn.id, turn.attempt, run.ids.epoch));
  if (!begun) throw new TurnLost();
  return undefined;
}

/** A log that cannot be opened is as good as gone. */
function readable(run: TurnRun, stored: StoredLog): boolean {
  const cipher = new LogCipher(run.key);
  try {
    for (const { attempt, first, sealed } of stored.batches)
      cipher.open({ turnId: run.turn.id, attempt, epoch: stored.epoch, first }, sealed);
    return true;
  } catch (error) {
    if (error instanceof CannotDecrypt) return false;
    throw error;
  }
}

async function untilDeadline<T>(run: TurnRun, attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (clock.now() >= run.deadlineAt || run.abort.signal.aborted) throw error;
      await sleep(retryMs);
    }
  }
}

/** A running turn's log outlives its deadline, so that a take-over finds it. */
function runningTtl(tools: TurnTools): number {
  return tools.config.turnDeadlineMs + tools.config.logGraceMs;
}
