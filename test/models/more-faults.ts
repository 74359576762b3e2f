import type { Fault } from '../support/hostile-faults.ts';
import type { HostileExchange } from '../support/hostile-server.ts';

/** Statuses that are of the target, of the moment or of the prompt, and not of the request. */
export const otherRefusals: Fault[] = [
  { name: '403, not this model', script: () => ({ status: 403, error_code: 'model_not_found' }) },
  { name: '403, the input was flagged', script: () => ({ status: 403, message: 'Your input was flagged for "violence".' }) },
  { name: '405', script: () => ({ status: 405 }) },
  { name: '409', script: () => ({ status: 409 }) },
  { name: '413', script: () => ({ status: 413 }) },
  { name: '425', script: () => ({ status: 425 }) },
];

const event = 'data: {"choices":[{"index":0,"delta":{"content":"t0"}}]}\n\n';

/** Bytes that come one by one: each is a sign of life to a socket, and none to a reader of the answer. */
export const drips: Fault[] = [
  { name: 'sends a byte a second', socket: (on) => dripped(on, event, 1_000) },
  { name: 'sends ten bytes a second', socket: (on) => dripped(on, event, 100) },
];

/** Begins an answer, and writes what follows byte by byte, `ms` milliseconds apart. */
export function dripped(on: HostileExchange, bytes: string, ms: number): void {
  let at = 0;
  on.head().every(ms, () => on.write(bytes.slice(at, (at += 1))));
}
