import 'reflect-metadata';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { Chat } from '../modules/chat/index.ts';
import { Health } from '../modules/operations/index.ts';
import { ConfigError, loadTopics } from '../platform/config/index.ts';
import { Outbox } from '../platform/events/index.ts';
import { type HttpConfig, httpConfig, LastAnswers } from '../platform/http/index.ts';
import { RedisConnections } from '../platform/redis/index.ts';
import { Replica } from '../platform/replicas/index.ts';
import { createPino, PinoLogger, safeError, type TelemetryConfig, telemetryConfig } from '../platform/telemetry/index.ts';
import { createServer } from './http-server.ts';
import { drain } from './shutdown.ts';
import { checkBeforeServing, StartupError } from './startup-checks.ts';
import { type ProcessConfig, processConfig, serverTopics } from './topics.ts';

/** Longest wait for Redis at start, in milliseconds. */
const redisWaitMs = 5_000;

/** A server that is listening. */
export interface RunningServer {
  app: NestFastifyApplication;
  /** `http://…` as it is reached on this machine. */
  url: string;
  stop: () => Promise<void>;
}

/** Starts a replica: builds, checks, begins its work, listens. Throws before anything is served when a check fails. */
export async function startServer(env: NodeJS.ProcessEnv, log: Logger): Promise<RunningServer> {
  const app = await createServer(env, new PinoLogger(log));
  try {
    await app.get(RedisConnections).whenReady(redisWaitMs);
    await app.init();
    await checkBeforeServing(app);
  } catch (error) {
    await app.close().catch(() => undefined);
    throw error;
  }
  const { role } = app.get<ProcessConfig>(processConfig.token);
  await app.get(Replica).start(role);
  app.get(Chat).start();
  if (role !== 'api') await app.get(Outbox).start();
  const http = app.get<HttpConfig>(httpConfig.token);
  const answers = new LastAnswers(app.getHttpServer());
  await app.listen(http.port, http.host);
  app.get(Health).markStarted();
  const address = app.getHttpServer().address();
  const port = typeof address === 'object' && address !== null ? address.port : http.port;
  const url = `http://localhost:${port}`;
  log.info({ url, role }, 'serving');
  return { app, url, stop: () => drain(app, answers, log) };
}

async function main(): Promise<void> {
  const telemetry = loadTopics(serverTopics, process.env).get(telemetryConfig.token) as TelemetryConfig;
  const log = createPino(telemetry.logLevel);
  const server = await startServer(process.env, log);
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    // Whatever a dependency that is away makes the drain wait for, it ends.
    setTimeout(() => process.exit(1), drainLimitMs(server.app.get<HttpConfig>(httpConfig.token))).unref();
    server.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ error: safeError(error) }, 'the drain failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // A launcher holds our standard input open for as long as it lives.
  if (process.env['PARLEY_EXIT_WITH_STDIN'] === '1') process.stdin.on('end', stop).on('error', stop).resume();
  process.on('unhandledRejection', (error) => log.error({ error: safeError(error) }, 'unhandled rejection'));
}

/** Longest time from the signal to the end of the process, in milliseconds. */
function drainLimitMs(http: HttpConfig): number {
  return http.drainDelayMs + http.drainTimeoutMs + 10_000;
}

function sentence(error: unknown): string {
  if (error instanceof ConfigError || error instanceof StartupError) return error.message;
  const { code, message } = (error as { driverError?: NodeJS.ErrnoException }).driverError ?? (error as NodeJS.ErrnoException);
  if (code === 'EADDRINUSE') return 'The port is taken by another process. Set PORT to a free one.';
  if (code === '28P01' || code === '28000')
    return 'The database refuses the user or password of DATABASE_URL, DATABASE_SYSTEM_URL or KEYSTORE_URL.';
  if (code === '3D000') return 'The database named in DATABASE_URL or KEYSTORE_URL does not exist. Run the migrate command.';
  if (code !== undefined && /^(E[A-Z]+|08|57P)/.test(code))
    return `The database cannot be reached (${code}). Are DATABASE_URL, DATABASE_SYSTEM_URL and KEYSTORE_URL right?`;
  return message;
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    process.stderr.write(`${sentence(error)}\n`);
    process.exit(1);
  });
}
