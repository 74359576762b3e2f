import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextRound, setTimeout as sleep } from 'node:timers/promises';

/** Pause between two looks at who is still connected, in milliseconds. */
const lookEveryMs = 50;

/** How long the last answers may take, in milliseconds. */
export interface LastAnswerLimits {
  /** Streams that have begun: their readers resume elsewhere. */
  streamsMs: number;
  /** Requests without any answer yet, and answers that are only partly sent: nobody can resume these. */
  answersMs: number;
}

/** What a server owes to those who are connected: the latest answer on each connection. Made before the server listens. */
export class LastAnswers {
  private readonly latest = new Map<Socket, ServerResponse>();
  private readonly closed: Promise<void>;

  constructor(private readonly server: Server) {
    this.closed = new Promise((resolve) => server.once('close', () => resolve()));
    server.on('request', ({ socket }, response) => {
      if (!this.latest.has(socket)) socket.once('close', () => this.latest.delete(socket));
      this.latest.set(socket, response);
    });
  }

  /** Resolves when nobody is connected any more to the server, which no longer listens, or a limit has passed. Closes idle connections. */
  async out({ streamsMs, answersMs }: LastAnswerLimits): Promise<void> {
    const begin = performance.now();
    let gone = false;
    void this.closed.then(() => (gone = true));
    for (;;) {
      await Promise.race([this.closed, sleep(lookEveryMs)]);
      // What has arrived on a kept connection is read before we look whether it is idle.
      await nextRound();
      const passed = performance.now() - begin;
      if (gone || passed >= Math.max(streamsMs, answersMs) || (passed >= streamsMs && !this.some(isOwed))) return;
      // A connection whose answer began before the drain was not told to close, and would stay. Node takes one for idle whose answer
      // we have written but its reader has not taken, and would cut it.
      if (!this.some(isPartlySent)) this.server.closeIdleConnections();
    }
  }

  private some(holds: (response: ServerResponse) => boolean): boolean {
    return [...this.latest.values()].some(holds);
  }
}

function isPartlySent(response: ServerResponse): boolean {
  return response.writableEnded && !response.writableFinished;
}

function isOwed(response: ServerResponse): boolean {
  return !response.headersSent || isPartlySent(response);
}
