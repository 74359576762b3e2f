import { setTimeout as sleep } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { Chat } from '../modules/chat/index.ts';
import { Health } from '../modules/operations/index.ts';
import { Outbox } from '../platform/events/index.ts';
import { type HttpConfig, httpConfig, type LastAnswers, stopListening } from '../platform/http/index.ts';
import { Replica } from '../platform/replicas/index.ts';

/** How long streams that run on elsewhere, and sockets that were told 1012, may take after the turns have ended, in milliseconds. */
const lastStreamsMs = 2_000;

/**
 * How long requests that wait for their answer may take in all, counted from the end of the drain timeout, in milliseconds: as long as the
 * turns' cut, the sockets' closing and the last streams may take together.
 */
const lastRequestsMs = 6_000;

/**
 * The drain, phase by phase: tell proxies, wait until they have noticed, stop listening, let turns end or hand them over,
 * close sockets with 1012, let the last answers out, stop jobs, sign off, close pools.
 */
export async function drain(app: NestFastifyApplication, answers: LastAnswers, log: Logger): Promise<void> {
  const http = app.get<HttpConfig>(httpConfig.token);
  app.get(Health).markDraining();
  log.info('draining');
  if (http.drainDelayMs > 0) await sleep(http.drainDelayMs);
  const server = app.getHttpServer();
  await stopListening(server);
  const begin = performance.now();
  await app.get(Chat).drain();
  const answersMs = http.drainTimeoutMs + lastRequestsMs - (performance.now() - begin);
  await answers.out({ streamsMs: lastStreamsMs, answersMs });
  await app.get(Outbox).stop();
  await app.get(Replica).stop();
  server.closeAllConnections();
  await app.close();
  log.info('stopped');
}
