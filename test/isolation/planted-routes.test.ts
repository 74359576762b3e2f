import 'reflect-metadata';
import { Controller, Get, Module, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AppModule } from '../../src/apps/app.module.ts';
import { openApiDocument } from '../../src/apps/openapi-document.ts';
import { commonErrors } from '../../src/kernel/app-error.ts';
import { uuidOf } from '../../src/kernel/ids.ts';
import { ChatSocketAdapter } from '../../src/modules/chat/index.ts';
import { Access, requestIdOf } from '../../src/platform/http/index.ts';
import { foreignText, matrixTarget } from '../support/matrix-target.ts';
import { badRefusals, type MatrixTarget, tenantLeaks } from '../support/route-matrix.ts';
import { urlAs } from '../support/services.ts';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';

// The matrix must be able to fail: a server with routes of the kinds that somebody will write one day.
let superuser: pg.Client;

async function botName(id: string): Promise<string | undefined> {
  const { rows } = await superuser.query<{ name: string }>('SELECT name FROM bots WHERE id = $1', [uuidOf('bot', id) ?? null]);
  return rows[0]?.name;
}

@Controller('v1/planted')
class PlantedController {
  /** Reads past the tenant. */
  @Get('leak/:id')
  @Access('bot.read')
  async leak(@Param('id') id: string) {
    const name = await botName(id);
    if (name === undefined) throw commonErrors.notFound('bot');
    return { name };
  }

  /** Refuses, but lets the caller learn that the bot is there. */
  @Get('forbidden/:id')
  @Access('bot.read')
  async forbidden(@Param('id') id: string) {
    throw (await botName(id)) === undefined ? commonErrors.notFound('bot') : commonErrors.forbidden();
  }

  /** The same status, another text. */
  @Get('telling/:id')
  @Access('bot.read')
  async telling(@Param('id') id: string) {
    const name = await botName(id);
    throw commonErrors.notFound(name === undefined ? 'bot' : `bot of yours, but ${name} is there`);
  }

  /** A malformed id is another error than a missing one. */
  @Get('malformed/:id')
  @Access('bot.read')
  malformed(@Param('id') id: string) {
    throw uuidOf('bot', id) === undefined
      ? commonErrors.invalidRequest([{ path: 'id', message: 'is no id' }])
      : commonErrors.notFound('bot');
  }

  @Get('open')
  @Access('public')
  open() {
    return { open: true };
  }

  @Get('mild/:id')
  @Access('authenticated')
  mild() {
    return { mild: true };
  }
}

@Module({})
class PlantedModule {}

let stack: TestStack;
let app: NestFastifyApplication;
let mine: TestTenant;
let target: MatrixTarget;

beforeAll(async () => {
  stack = await testStack();
  superuser = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.database) });
  await superuser.connect();
  app = await NestFactory.create<NestFastifyApplication>(
    { module: PlantedModule, imports: [AppModule.from(stack.env)], controllers: [PlantedController] },
    new FastifyAdapter({ genReqId: requestIdOf }),
    { logger: false, abortOnError: false },
  );
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (request, reply, done) => {
      void reply.header('x-request-id', request.id);
      done();
    });
  app.useWebSocketAdapter(new ChatSocketAdapter(app));
  SwaggerModule.setup('docs', app, openApiDocument(app), { jsonDocumentUrl: 'openapi.json' });
  await app.listen(0, '127.0.0.1');
  mine = await stack.tenant();
  const url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
  const whole = await matrixTarget(stack, mine, await stack.tenant({ name: foreignText }), url);
  const bots = whole.ids['/v1/bots'] as NonNullable<(typeof whole.ids)[string]>;
  const kinds = ['leak', 'forbidden', 'telling', 'malformed', 'mild'];
  const ids = Object.fromEntries(kinds.map((kind) => [`/v1/planted/${kind}`, bots]));
  target = { ...whole, ids: { ...whole.ids, ...ids }, routes: whole.routes.filter(({ path }) => path.startsWith('/v1/planted/')) };
});
afterAll(async () => {
  await superuser.end();
  await app.close();
  await stack.close();
});

const leaksOf = (kind: string) =>
  tenantLeaks({ ...target, routes: target.routes.filter(({ path }) => path.includes(`/${kind}/`)) }, mine.accessToken);

test('P4: the matrix finds a route that ignores the tenant', async () => {
  const name = 'GET /v1/planted/leak/{id}';
  expect(await leaksOf('leak')).toEqual([`${name}: 200 for a foreign id`, `${name}: the answer holds ${foreignText}`]);
});

test('P4: the matrix finds a route that tells a foreign id from a missing one by its status', async () => {
  expect(await leaksOf('forbidden')).toContain('GET /v1/planted/forbidden/{id}: 403 for a foreign id');
});

test('P4: the matrix finds a route that tells them apart by its text', async () => {
  const findings = await leaksOf('telling');
  expect(findings).toContain('GET /v1/planted/telling/{id}: another body for a foreign id');
  expect(findings).toContain(`GET /v1/planted/telling/{id}: the answer holds ${foreignText}`);
});

test('P4: the matrix finds a route for which a malformed id is another error', async () => {
  expect(await leaksOf('malformed')).toContain('GET /v1/planted/malformed/{id}: 400 for "nope"');
});

test('P4: the matrix finds a route that asks for too little', async () => {
  const open = target.routes.filter(({ path }) => path.endsWith('/open'));
  expect(open.map(({ permission }) => permission)).toEqual([undefined]);
  expect(await badRefusals(target, open, undefined, 401)).toContain('GET /v1/planted/open: 200 instead of 401');
  const mild = target.routes.filter(({ path }) => path.includes('/mild/'));
  const key = await stack.request('POST', '/v1/api-keys', { token: mine.accessToken, body: { name: 'few', scopes: ['model.read'] } });
  expect(await badRefusals(target, mild, key.body.key as string, 403)).toContain('GET /v1/planted/mild/{id}: 200 instead of 403');
});

test('P4: the matrix refuses to run while it does not know the ids of a path', async () => {
  const unknown = { ...target, ids: {} };
  await expect(tenantLeaks(unknown, mine.accessToken)).rejects.toThrow('say in the test what the ids of this path are');
});
