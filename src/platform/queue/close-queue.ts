import { setTimeout as sleep } from 'node:timers/promises';
import type { Queue, Worker } from 'bullmq';

/** Longest wait for running jobs and for Redis, in milliseconds: a job that is cut runs again elsewhere. */
const closeWithinMs = 3_000;

/** Takes no more jobs and waits for those that run. Resolves within three seconds, also while Redis is away; never rejects. */
export async function closeQueue(queue: Queue, worker: Worker | undefined): Promise<void> {
  const closed = (async () => {
    await worker?.close();
    await queue.close();
  })().catch(() => undefined);
  const waiting = new AbortController();
  await Promise.race([closed, sleep(closeWithinMs, undefined, { signal: waiting.signal }).catch(() => undefined)]);
  waiting.abort();
}
