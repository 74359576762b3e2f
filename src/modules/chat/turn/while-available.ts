import { setTimeout as sleep } from 'node:timers/promises';
import { clock } from '../../../kernel/clock.ts';
import { isDatabaseUnavailable } from '../../../platform/database/index.ts';

/** Wait between two tries, in milliseconds. */
const retryMs = 500;

/**
 * Does `work`, and does it again while Postgres is away: an outage costs a turn time, not its answer. Gives up at
 * `deadlineAt` (milliseconds since the epoch). The work must be safe to repeat.
 */
export async function whileAvailable<T>(deadlineAt: number, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isDatabaseUnavailable(error) || clock.now() >= deadlineAt) throw error;
      await sleep(retryMs);
    }
  }
}
