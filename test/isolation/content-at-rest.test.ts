import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { uuidOf } from '../../src/kernel/ids.ts';
import { findTexts, needlesOf, type Place } from '../support/marker-search.ts';
import { urlAs } from '../support/services.ts';
import { type Answer, type TestStack, testStack } from '../support/stack.ts';
import { dataFiles, redisKeysAndValues, tableCopies } from '../support/stored-places.ts';

const core = `q${randomBytes(9).toString('hex')}z`;
const mark = (field: string) => `${core}${field}`;
const fields = {
  email: `${mark('email')}@example.com`,
  instructions: mark('instructions'),
  greeting: mark('greeting'),
  botMetadata: mark('botmetadata'),
  visitor: mark('visitor'),
  conversation: mark('conversation'),
  messageId: mark('messageid'),
  finished: mark('finished'),
  answer: mark('answer'),
  stopped: mark('stopped'),
  running: mark('running'),
  runningAnswer: mark('runninganswer'),
  title: mark('title'),
  metadata: mark('metadata'),
  idempotencyKey: mark('idempotencykey'),
  openAiHistory: mark('openaihistory'),
  openAiSystem: mark('openaisystem'),
  openAiUser: mark('openaiuser'),
  openAiVisitor: mark('openaivisitor'),
  openAiConversation: mark('openaiconversation'),
  provider: mark('provider'),
};
const texts = Object.values(fields);

let stack: TestStack;
let databases: pg.Client[];
let since: number;
const logLines: string[] = [];
const refusals: Answer[] = [];
const published: Buffer[] = [];
const unfinished: { abort: () => void }[] = [];

beforeAll(async () => {
  since = Date.now() - 1_000;
  stack = await testStack({ onLog: (line) => logLines.push(line), env: { DRAIN_TIMEOUT_MS: '100' } });
  databases = [stack.database, stack.keystore].map((name) => new pg.Client({ connectionString: urlAs(stack.postgresUrl, name) }));
  for (const client of databases) await client.connect();
  const listener = stack.redis.duplicate();
  listener.on('pmessageBuffer', (_pattern: string, channel: Buffer, message: Buffer) => published.push(channel, message));
  await listener.psubscribe('*');
  unfinished.push({ abort: () => listener.disconnect() });
});
afterAll(async () => {
  for (const open of unfinished) open.abort();
  for (const client of databases) await client.end();
  await stack.close();
});

/** What is not stored: log lines and error bodies as they came out. */
const written = (lines: string[], bodies: unknown[]): Place[] => [
  ['log', Buffer.from(lines.join('\n'))],
  ...bodies.map((body, at): Place => [`error body ${at}`, Buffer.from(JSON.stringify(body))]),
];

/** The same texts under another name, so that what is planted is never taken for what leaked. */
const plantedTexts = texts.map((text) => text.replace(core, `p${randomBytes(9).toString('hex')}z`));
const plants = plantedTexts.flatMap((text) => needlesOf(text).map(({ bytes }) => bytes));

const formsOf = (found: string[]) => new Set(found.map((line) => line.replace(/ in .*/, ''))).size;

test('P7: planted in clear in each place, every marker is found in every form', async () => {
  const inAll = (places: Place[]) => formsOf(findTexts(plantedTexts, places));
  for (const client of databases) {
    await client.query('CREATE TABLE planted (body bytea, words text)');
    for (const bytes of plants)
      await client.query('INSERT INTO planted VALUES ($1, $2)', [bytes, bytes.includes(0) ? '' : bytes.toString()]);
    const copied = await tableCopies(client);
    expect(inAll(copied)).toBe(plants.length);
    for (const format of ['text', 'binary'])
      expect(inAll(copied.filter(([name]) => name.endsWith(format)))).toBeGreaterThan(texts.length * 6);
    const files = await dataFiles(client, since);
    // A Postgres elsewhere has its files elsewhere; our own must not escape the search.
    if (process.env['TEST_POSTGRES_URL'] === undefined) expect(files).toBeDefined();
    if (files !== undefined) {
      for (const kind of ['file base', 'file pg_wal']) {
        const found = findTexts(
          plantedTexts,
          files.filter(([name]) => name.startsWith(kind)),
        );
        for (const text of plantedTexts)
          expect(
            found.some((line) => line.startsWith(`${text} (raw)`)),
            `${text} in ${kind}`,
          ).toBe(true);
      }
    }
    await client.query('DROP TABLE planted');
  }
  const key = (kind: string) => `planted:${kind}`;
  for (const bytes of plants) {
    await stack.redis.append(key('string'), bytes);
    await stack.redis.hset(key('hash'), 'field', Buffer.concat(plants));
    await stack.redis.rpush(key('list'), bytes);
    await stack.redis.sadd(key('set'), bytes);
    await stack.redis.zadd(key('zset'), 1, bytes);
    await stack.redis.xadd(key('stream'), '*', 'field', bytes);
    await stack.redis.set(Buffer.concat([Buffer.from(key('name:')), bytes]), '');
    await stack.redis.publish(key('channel'), bytes);
  }
  const inRedis = await redisKeysAndValues(stack.redis);
  for (const kind of ['string', 'hash', 'list', 'set', 'zset', 'stream']) {
    expect(inAll(inRedis.filter(([name]) => name === `Redis ${kind} ${key(kind)}`)), kind).toBe(plants.length);
  }
  expect(inAll(inRedis.filter(([name]) => name.includes(key('name:')))), 'key names').toBe(plants.length);
  expect(inAll(inRedis.filter(([name]) => name === `Redis DUMP ${key('set')}`)), 'DUMP').toBeGreaterThan(0);
  await expect.poll(() => inAll([['channel', Buffer.concat(published)]])).toBe(plants.length);
  await stack.redis.flushdb();
  published.length = 0;
  const searchable = plants.filter((bytes) => !bytes.includes(0)).map((bytes) => bytes.toString());
  expect(inAll(written(searchable, []))).toBe(searchable.length);
  expect(inAll(written([], searchable))).toBeGreaterThan(texts.length * 6);
});

async function keep(answer: Promise<Answer>, status: number): Promise<Answer> {
  const got = await answer;
  expect(got.status, JSON.stringify(got.body).slice(0, 500)).toBe(status);
  if (status >= 400) refusals.push(got);
  return got;
}

const message = (id: string, text: string) => ({ id, role: 'user', parts: [{ type: 'text', text }] });
const script = (value: unknown) => `[[demo: ${JSON.stringify(value)}]]`;

/** Leaves a finished, a stopped, a failed and a running turn, an OpenAI completion and many refusals behind. */
async function useEverything(): Promise<void> {
  const { request } = stack;
  const signUp = await keep(
    request('POST', '/v1/auth/sign-up', { body: { email: fields.email, password: 'correct horse', tenant_name: 'Acme' } }),
    201,
  );
  const token = signUp.body.access_token as string;
  const headers = { 'idempotency-key': fields.idempotencyKey };
  const body = { name: 'bot', instructions: fields.instructions, greeting: fields.greeting, metadata: { note: fields.botMetadata } };
  const bot = await keep(request('POST', '/v1/bots', { token, headers, body }), 201);
  await keep(request('POST', '/v1/bots', { token, headers, body: { ...body, name: 'other' } }), 422);
  const party = { bot_id: bot.body.id as string, visitor_id: fields.visitor };
  const send = (id: string, text: string, conversation = fields.conversation) =>
    request('POST', '/v1/chat', { token, body: { id: conversation, ...party, messages: [message(id, text)] } });
  await keep(send(fields.messageId, `${fields.finished} ${script({ text: fields.answer })}`), 200);
  await keep(send(fields.messageId, `${fields.finished} changed`), 409);
  await send('failing', `${fields.finished} ${script({ status: 400, message: fields.provider })}`, `${core}f`);
  const listed = await keep(request('GET', `/v1/conversations?visitor_id=${fields.visitor}`, { token }), 200);
  const conversation = (listed.body.data as { id: string }[]).at(-1)?.id as string;
  const change = { title: fields.title, metadata: { note: fields.metadata } };
  await keep(request('PATCH', `/v1/conversations/${conversation}`, { token, body: change }), 200);
  await keep(request('PATCH', `/v1/conversations/${conversation}`, { token, body: { title: [fields.title], metadata: { note: 1 } } }), 400);
  await keep(request('POST', '/v1/auth/sign-in', { body: { email: fields.email, password: 'wrong' } }), 401);
  await keep(request('POST', '/v1/bots', { token, body: { ...body, model: [fields.instructions] } }), 400);
  await keep(request('POST', '/v1/bots', { token, body: `{"name": ${fields.instructions}` }), 400);
  await keep(
    request('POST', '/v1/chat', { token: fields.provider, body: { id: 'c', ...party, messages: [message('m', fields.finished)] } }),
    401,
  );

  const slow = { text: `${fields.runningAnswer} `.repeat(4), stall_after_tokens: 12, chunk_tokens: 4 };
  const stopped = begin(token, { id: 'stopped', ...party, messages: [message('s', `${fields.stopped} ${script(slow)}`)] });
  await stopped.until(fields.runningAnswer.slice(0, 8));
  await keep(request('POST', `/v1/chat/stopped/stop?bot_id=${party.bot_id}&visitor_id=${party.visitor_id}`, { token }), 204);
  await stopped.end;
  const running = begin(token, { id: 'running', ...party, messages: [message('r', `${fields.running} ${script(slow)}`)] });
  await running.until(fields.runningAnswer.slice(0, 8));

  const completion = {
    model: party.bot_id,
    user: fields.openAiVisitor,
    metadata: { conversation: fields.openAiConversation },
    messages: [
      { role: 'system', content: fields.openAiSystem },
      { role: 'user', content: fields.openAiHistory },
      { role: 'assistant', content: fields.openAiHistory },
      { role: 'user', content: `${fields.openAiUser} ${script({ text: fields.answer })}` },
    ],
  };
  await keep(request('POST', '/v1/chat/completions', { token, headers, body: completion }), 200);
  // Without a key, a retry is known by the request itself.
  await keep(request('POST', '/v1/chat/completions', { token, body: completion }), 200);
  await keep(
    request('POST', '/v1/chat/completions', { token, headers, body: { ...completion, messages: completion.messages.slice(-1) } }),
    422,
  );
}

/** Starts a streamed answer that stays open. */
function begin(token: string, body: unknown): { until: (text: string) => Promise<void>; end: Promise<void> } {
  const controller = new AbortController();
  unfinished.push(controller);
  let seen = '';
  const end = (async () => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const response = await fetch(`${stack.url}/v1/chat`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      signal: controller.signal,
    });
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) seen += Buffer.from(chunk).toString();
  })().catch((error: unknown) => {
    if (!controller.signal.aborted) throw error;
  });
  const until = async (text: string): Promise<void> => {
    await expect.poll(() => seen, { timeout: 10_000 }).toContain(text);
  };
  return { end, until };
}

test('P7: after real use, no marker stands anywhere in any form', async () => {
  await useEverything();
  const inRedis = await redisKeysAndValues(stack.redis);
  expect(inRedis.filter(([name]) => name.startsWith('Redis stream t:')).length).toBeGreaterThan(1);
  const inTables = (await Promise.all(databases.map((client) => tableCopies(client)))).flat();
  const states = (await (databases[0] as pg.Client).query<{ state: string }>('SELECT DISTINCT state FROM turns')).rows.map(
    ({ state }) => state,
  );
  expect(states.sort()).toEqual(['completed', 'failed', 'running', 'stopped']);
  expect(logLines.length).toBeGreaterThan(20);
  expect(refusals.length).toBeGreaterThan(6);
  const places: Place[] = [
    ...inTables,
    ...inRedis,
    ['channels', Buffer.concat(published)],
    ...written(
      logLines,
      refusals.map(({ body }) => body as unknown),
    ),
  ];
  expect(findTexts(texts, places)).toEqual([]);
  expect(findTexts([core], places)).toEqual([]);
  for (const client of databases) expect(findTexts([core], (await dataFiles(client, since)) ?? [])).toEqual([]);
});

test('P7: what was searched is there: its owner reads it back', async () => {
  const signIn = await stack.request('POST', '/v1/auth/sign-in', { body: { email: fields.email, password: 'correct horse' } });
  const token = signIn.body.access_token as string;
  expect(uuidOf('tenant', signIn.body.tenant_id as string)).toBeDefined();
  const listed = await stack.request('GET', '/v1/conversations?limit=100', { token });
  const read: string[] = [
    JSON.stringify(listed.body),
    JSON.stringify((await stack.request('GET', '/v1/bots', { token })).body),
    JSON.stringify((await stack.request('GET', '/v1/me', { token })).body),
  ];
  for (const { id } of listed.body.data as { id: string }[]) {
    read.push(JSON.stringify((await stack.request('GET', `/v1/conversations/${id}/messages`, { token })).body));
  }
  const whole = read.join('\n');
  for (const field of [
    'email',
    'instructions',
    'greeting',
    'botMetadata',
    'visitor',
    'finished',
    'answer',
    'stopped',
    'running',
    'title',
    'metadata',
    'openAiUser',
    'openAiVisitor',
  ] as const) {
    expect(whole, field).toContain(fields[field]);
  }
});
