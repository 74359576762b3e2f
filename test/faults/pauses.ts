import type { Loss } from './injector.ts';
import type { SentMessage } from './support/history.ts';
import { uuidOfPublic } from './support/public-id.ts';

/** Quantiles of times in milliseconds. */
export interface Quantiles {
  count: number;
  p50: number;
  p99: number;
  max: number;
}

/** What arrives so soon after a kill was on its way before it, in milliseconds. */
const underWayMs = 300;

/** For each message whose owner was killed while it ran: how long its reader waited for the next chunk. */
export function pausesOf(messages: SentMessage[], kills: Loss[]): number[] {
  const byTurn = new Map<string, SentMessage>();
  for (const message of messages)
    for (const { events } of message.readings)
      for (const event of events)
        if (event.type === 'chunk' && event.chunk.messageMetadata?.turn_id !== undefined)
          byTurn.set(uuidOfPublic(event.chunk.messageMetadata.turn_id), message);
  return kills.flatMap(({ at, turns }) => turns.flatMap((turn) => pauseOf(byTurn.get(turn), at) ?? []));
}

/** Milliseconds from a kill to the first chunk that no reader of the message had before: a replay is no progress. */
function pauseOf(message: SentMessage | undefined, killedAt: number): number | undefined {
  let least = Infinity;
  for (const view of new Set(message?.readings.map((reading) => reading.view))) {
    let farthest = -1;
    let log = '';
    for (const event of message?.readings.filter((reading) => reading.view === view).flatMap(({ events }) => events) ?? []) {
      if (event.type !== 'chunk') continue;
      const named = event.chunk.type === 'start' ? `${event.chunk.messageMetadata?.epoch}` : log;
      const fresh = named !== log || event.sequence > farthest;
      if (fresh && event.at > killedAt + underWayMs) {
        least = Math.min(least, event.at - killedAt);
        break;
      }
      farthest = named === log ? Math.max(farthest, event.sequence) : event.sequence;
      log = named;
    }
  }
  return least === Infinity ? undefined : least;
}

/** Median, 99th percentile and maximum of some times. */
export function quantiles(values: number[]): Quantiles {
  const sorted = values.toSorted((a, b) => a - b);
  return { count: sorted.length, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: sorted.at(-1) ?? 0 };
}

function quantile(sorted: number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
