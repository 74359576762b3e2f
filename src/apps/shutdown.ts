import type { Server } from 'node:http';
import { setImmediate as nextRound, setTimeout as sleep } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { Chat } from '../modules/chat/index.ts';
import { Health } from '../modules/operations/index.ts';
import { Outbox } from '../platform/events/index.ts';
import { type HttpConfig, httpConfig } from '../platform/http/index.ts';
import { Replica } from '../platform/replicas/index.ts';

/** How long requests that are being answered, and sockets that were told 1012, may take after the turns have ended, in milliseconds. */
const lastAnswersMs = 2_000;

/**
 * The drain, phase by phase: tell proxies, wait until they have noticed, stop listening, let turns end or hand them over,
 * close sockets with 1012, let the last answers out, stop jobs, sign off, close pools.
 */
export async function drain(app: NestFastifyApplication, log: Logger): Promise<void> {
  const http = app.get<HttpConfig>(httpConfig.token);
  app.get(Health).markDraining();
  log.info('draining');
  if (http.drainDelayMs > 0) await sleep(http.drainDelayMs);
  const server = app.getHttpServer();
  // Right after a round of accepting: connections that wait to be accepted when the listener closes are reset.
  await nextRound();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  await app.get(Chat).drain();
  await lastAnswers(server, closed);
  await app.get(Outbox).stop();
  await app.get(Replica).stop();
  server.closeAllConnections();
  await app.close();
  log.info('stopped');
}

/** Waits until nobody is connected any more. Readers of turns that run elsewhere are cut after that, and resume. */
async function lastAnswers(server: Server, closed: Promise<void>): Promise<void> {
  // A connection whose answer began before the drain was not told to close, and would stay.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const waiting = new AbortController();
  const late = sleep(lastAnswersMs, undefined, { signal: waiting.signal }).catch(() => undefined);
  await Promise.race([closed, late]);
  waiting.abort();
  clearInterval(sweep);
}
