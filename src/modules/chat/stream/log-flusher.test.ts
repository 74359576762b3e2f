import { expect, it } from 'vitest';
import { type Flushable, LogFlusher } from './log-flusher.ts';
import type { AppendRequest, LogStore } from './log-store.ts';

/** A store whose round trip takes `ms` milliseconds. */
function storeOf(ms: number): LogStore {
  const appendAll = (requests: AppendRequest[]) =>
    new Promise((resolve) => {
      setTimeout(() => resolve(requests.map(() => 'ok')), ms);
    });
  return { appendAll } as unknown as LogStore;
}

function producer(settled: () => void = () => undefined): Flushable {
  let pending = true;
  return {
    nextBatch: () => (pending ? ({} as AppendRequest) : undefined),
    settled: () => {
      pending = false;
      settled();
    },
  };
}

it('P9: running answers are not kept waiting by first words that keep coming', async () => {
  const flusher = new LogFlusher(storeOf(5));
  // One answer after the other begins: there is always something urgent.
  let stopped = false;
  const begin = (): void => {
    if (!stopped) flusher.request(producer(begin), true);
  };
  begin();
  begin();
  const began = performance.now();
  await new Promise<void>((resolve) => flusher.request(producer(resolve)));
  stopped = true;
  expect(performance.now() - began).toBeLessThan(500);
});

it('writes first words without waiting for the interval', async () => {
  const flusher = new LogFlusher(storeOf(0));
  const order: string[] = [];
  await new Promise<void>((resolve) => flusher.request(producer(resolve)));
  const regular = new Promise<void>((resolve) =>
    flusher.request(
      producer(() => {
        order.push('regular');
        resolve();
      }),
    ),
  );
  flusher.request(
    producer(() => order.push('first words')),
    true,
  );
  await regular;
  expect(order[0]).toBe('first words');
});
