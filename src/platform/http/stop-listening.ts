import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setImmediate as nextRound } from 'node:timers/promises';

/** A round of the event loop this short, in milliseconds, leaves no time in which somebody is likely to have come after it looked. */
const shortRoundMs = 0.2;

/** How long to look for a short round, and then for any in which nobody came, in milliseconds. */
const searchMs = 1_000;

/**
 * Closes a server's listener without losing those who wait before it. The kernel takes connections, and their requests, before we do, and
 * resets those that still wait when the listener closes; a proxy may not send them again, for it cannot know that nobody saw
 * them. Node accepts one of them in a round of its loop (libuv), so that a single round is not enough after a busy moment.
 * This goes on accepting until a short round has brought nobody, and closes in that round. Those who come later are refused, and
 * served elsewhere.
 *
 * Connections stay as they are, kept ones too: `close` of an HTTP server would cut answers that are not wholly sent.
 */
export async function stopListening(server: Server): Promise<void> {
  let came = 0;
  const count = (): void => void (came += 1);
  server.on('connection', count);
  const begin = performance.now();
  for (let quiet = false; !quiet;) {
    const [before, roundBegan] = [came, performance.now()];
    await nextRound();
    const now = performance.now();
    const limitMs = now - begin < searchMs ? shortRoundMs : Number.POSITIVE_INFINITY;
    quiet = (came === before && now - roundBegan < limitMs) || now - begin > 2 * searchMs;
  }
  server.off('connection', count);
  NetServer.prototype.close.call(server);
}
