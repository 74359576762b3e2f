import { setTimeout as sleep } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { Chat } from '../modules/chat/index.ts';
import { Health } from '../modules/operations/index.ts';
import { Outbox } from '../platform/events/index.ts';
import { type HttpConfig, httpConfig } from '../platform/http/index.ts';
import { Replica } from '../platform/replicas/index.ts';

/**
 * The drain, phase by phase: tell proxies, wait until they have noticed, stop listening, let turns end or hand them over,
 * close sockets with 1012, stop jobs, sign off, close pools.
 */
export async function drain(app: NestFastifyApplication, log: Logger): Promise<void> {
  const http = app.get<HttpConfig>(httpConfig.token);
  app.get(Health).markDraining();
  log.info('draining');
  if (http.drainDelayMs > 0) await sleep(http.drainDelayMs);
  const server = app.getHttpServer();
  server.close();
  await app.get(Chat).drain();
  await app.get(Outbox).stop();
  await app.get(Replica).stop();
  server.closeAllConnections();
  await app.close();
  log.info('stopped');
}
