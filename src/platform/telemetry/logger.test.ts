import { Writable } from 'node:stream';
import { beforeEach, expect, test } from 'vitest';
import { AppError } from '../../kernel/app-error.ts';
import { createPino, PinoLogger, requestContext } from './logger.ts';
import { safeError } from './safe-error.ts';

const secret = 's3cr3t';
let lines: Record<string, unknown>[];
let text: string;
const sink = new Writable({
  write(chunk: Buffer, _encoding, done) {
    text += chunk.toString();
    lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
    done();
  },
});

beforeEach(() => {
  lines = [];
  text = '';
});

const pino = createPino('debug', sink);
const logger = new PinoLogger(pino);

test.each([
  'authorization',
  'cookie',
  'password',
  'token',
  'ticket',
  'secret',
  'api_key',
  'apiKey',
  'refresh_token',
  'access_token',
  'visitor_token',
  'content',
  'text',
  'parts',
  'messages',
  'email',
])('P7: the field %s is never written, up to two levels down', (field) => {
  pino.info({ [field]: secret, headers: { [field]: secret, other: 'kept' }, a: { b: { [field]: [secret] } } });
  expect(text).not.toContain(secret);
  expect(lines[0]).toMatchObject({
    [field]: '[redacted]',
    headers: { [field]: '[redacted]', other: 'kept' },
    a: { b: { [field]: '[redacted]' } },
  });
});

test('P7: the message of a foreign error is not written, wherever the error stands', () => {
  const error = Object.assign(new Error(`Unexpected token in ${secret}`), { detail: secret, query: secret, parameters: [secret] });
  pino.error({ error }, 'failed');
  pino.error({ err: error }, 'failed');
  pino.error(error);
  logger.error(error, 'Context');
  logger.error({ error: safeError(error) }, 'failed', 'Context');
  expect(lines).toHaveLength(5);
  expect(text).not.toContain(secret);
});

test('P7: of a Postgres error only code, constraint and table are written', () => {
  const driverError = Object.assign(new Error(secret), {
    code: '23505',
    constraint: 'bots_pkey',
    table: 'bots',
    detail: `Key (name)=(${secret})`,
  });
  const thrown = Object.assign(new Error(secret), { name: 'QueryFailedError', driverError, query: secret, parameters: [secret] });
  const safe = safeError(thrown);
  expect(safe).toMatchObject({ name: 'QueryFailedError', code: '23505', constraint: 'bots_pkey', table: 'bots' });
  expect(Object.keys(safe).sort()).toEqual(['at', 'code', 'constraint', 'name', 'table']);
  expect(JSON.stringify(safe)).not.toContain(secret);
});

test('P7: a message of several lines does not get in by way of the stack', () => {
  const error = new Error(`first\n    at ${secret} (in the message)\nlast`);
  expect(JSON.stringify(safeError(error))).not.toContain(secret);
});

test('P7: causes, aggregates and thrown texts are not written', () => {
  const cause = new Error(secret);
  for (const thrown of [new Error('x', { cause }), new AggregateError([cause], secret), secret, { message: secret }]) {
    expect(JSON.stringify(safeError(thrown))).not.toContain(secret);
  }
});

test('an error of ours keeps its message: it is safe to show', () => {
  expect(safeError(new AppError('teapot', 418, 'No coffee here.'))).toMatchObject({
    name: 'AppError',
    code: 'teapot',
    message: 'No coffee here.',
  });
});

test('lines carry the request that they belong to', () => {
  requestContext.run({ request_id: 'req_1' }, () => logger.log({ tenant: 'x' }, 'done', 'Context'));
  logger.warn('outside', 'Context');
  expect(lines[0]).toMatchObject({ service: 'parley', request_id: 'req_1', tenant: 'x', context: 'Context', msg: 'done', level: 30 });
  expect(lines[1]).toMatchObject({ context: 'Context', msg: 'outside', level: 40 });
  expect(lines[1]).not.toHaveProperty('request_id');
});
