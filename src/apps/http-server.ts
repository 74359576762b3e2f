import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import { commonErrors } from '../kernel/app-error.ts';
import { ChatSocketAdapter } from '../modules/chat/index.ts';
import { Health } from '../modules/operations/index.ts';
import { loadTopics } from '../platform/config/index.ts';
import { KeyedHash } from '../platform/crypto/index.ts';
import {
  clientErrorHandler,
  frameworkErrors,
  type HttpConfig,
  httpConfig,
  ignoreUnknownExpectations,
  originOf,
  pathOf,
  ProblemFilter,
  requestIdOf,
} from '../platform/http/index.ts';
import { metrics, requestContext } from '../platform/telemetry/index.ts';
import { AppModule } from './app.module.ts';
import { openApiDocument } from './openapi-document.ts';
import { type ProcessConfig, processConfig, serverTopics } from './topics.ts';

/** Nothing from elsewhere, nothing inline. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** Swagger UI sets inline styles. */
const docsPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** What a replica answers whatever its role. */
const probes = /^\/(livez|readyz|startupz|metrics)$/;

/** Builds the application with everything that HTTP needs, not yet listening. */
export async function createServer(env: NodeJS.ProcessEnv, logger: LoggerService): Promise<NestFastifyApplication> {
  const http = loadTopics(serverTopics, env).get(httpConfig.token) as HttpConfig;
  const adapter = new FastifyAdapter({
    bodyLimit: http.bodyLimitBytes,
    trustProxy: http.trustProxy.length === 0 ? false : [...http.trustProxy],
    genReqId: requestIdOf,
    frameworkErrors,
    clientErrorHandler,
    requestTimeout: 60_000,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 200 },
  });
  // Directories send SCIM under a name of its own (RFC 7644, section 8.1); it is JSON all the same.
  const server = adapter.getInstance();
  server.addContentTypeParser('application/scim+json', { parseAs: 'string' }, server.getDefaultJsonParser('error', 'error'));
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.from(env), adapter, {
    logger,
    abortOnError: false,
    bufferLogs: false,
  });
  addRequestHooks(app);
  ignoreUnknownExpectations(app.getHttpServer());
  app.enableCors({
    origin: '*',
    strictPreflight: false,
    exposedHeaders: ['x-request-id', 'retry-after', 'ratelimit', 'ratelimit-policy'],
    maxAge: 600,
  });
  const { role } = app.get<ProcessConfig>(processConfig.token);
  app.useWebSocketAdapter(new ChatSocketAdapter(app, role !== 'worker'));
  addDocs(app);
  await addPlayground(app);
  return app;
}

function addRequestHooks(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  const { role } = app.get<ProcessConfig>(processConfig.token);
  const health = app.get(Health);
  const hash = app.get(KeyedHash);
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    void reply.header('x-content-type-options', 'nosniff');
    void reply.header('referrer-policy', 'no-referrer');
    const path = pathOf(request.url);
    void reply.header('content-security-policy', path === '/docs' || path.startsWith('/docs/') ? docsPolicy : pagePolicy);
    // A proxy that reuses connections learns here that this one leads nowhere any more.
    if (health.isDraining) void reply.header('connection', 'close');
    // A worker is there for probes alone.
    if (role === 'worker' && !probes.test(path)) return new ProblemFilter().sendProblem(commonErrors.notFound('page'), request, reply);
    const client = () => ({ address: request.ip, userAgent: request.headers['user-agent'] });
    requestContext.run({ request_id: request.id, origin: () => originOf(request.ip, hash), client }, done);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    metrics.httpRequests.observe({ method: request.method, route, status: String(reply.statusCode) }, reply.elapsedTime / 1_000);
    done();
  });
}

function addDocs(app: NestFastifyApplication): void {
  const document = openApiDocument(app);
  SwaggerModule.setup('docs', app, document, {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    customSiteTitle: 'Parley API',
  });
}

/** Pages of one's own account; what a mail or an identity provider links to is among them. */
const accountPages = ['sign-in', 'sign-up', 'forgotten', 'reset', 'verify', 'invitation', 'security'];

/** Serves the built playground at `/`; a server without it (tests of the API alone) just has no page there. */
async function addPlayground(app: NestFastifyApplication): Promise<void> {
  const root = [new URL('../../web/playground/', import.meta.url), new URL('../../dist/web/playground/', import.meta.url)]
    .map((url) => fileURLToPath(url))
    .find((path) => existsSync(`${path}index.html`) && existsSync(`${path}assets`));
  if (root === undefined) return;
  await app.register(fastifyStatic, {
    root,
    prefix: '/',
    wildcard: false,
    index: ['index.html'],
    cacheControl: false,
    // The page names its assets by their hashes: they never change, the page may at any upgrade.
    setHeaders: (reply, path) =>
      void reply.header('cache-control', path.endsWith('.html') ? 'no-cache' : 'public, max-age=31536000, immutable'),
    decorateReply: false,
  });
  const page = await readFile(`${root}account.html`);
  const fastify = app.getHttpAdapter().getInstance();
  for (const name of accountPages)
    fastify.get(`/account/${name}`, (_request, reply) =>
      reply.header('cache-control', 'no-cache').type('text/html; charset=utf-8').send(page),
    );
}
