import { BadRequestException, HttpException, NotFoundException } from '@nestjs/common';
import { expect, test } from 'vitest';
import { AppError, commonErrors } from '../../kernel/app-error.ts';
import { problemHeaders, toAppError, toProblem } from './problem.ts';

const secret = 'SELECT secret FROM /srv/app/file.ts';

function databaseError(code: string): Error {
  return Object.assign(new Error(secret), { driverError: Object.assign(new Error(secret), { code, detail: secret, table: 'bots' }) });
}

/** Everything of an error that reaches the caller. */
function sent(thrown: unknown): string {
  const error = toAppError(thrown);
  return JSON.stringify([toProblem(error, '/v1/x', 'req_1'), problemHeaders(error)]);
}

test.each([
  ['an error of a library', new Error(secret), 500, 'internal'],
  ['a type error', new TypeError(secret), 500, 'internal'],
  ['a text', secret, 500, 'internal'],
  ['nothing', undefined, 500, 'internal'],
  ['an object', { message: secret, stack: secret }, 500, 'internal'],
  ['a hostile object', { status: 200, statusCode: 200, message: secret }, 500, 'internal'],
  ['a 5xx of the framework', new HttpException(secret, 502), 500, 'internal'],
  ['a 400 of the framework', new BadRequestException(secret), 400, 'invalid_request'],
  ['a 404 of the framework', new NotFoundException(secret), 404, 'not_found'],
  ['a 413 of the parser', Object.assign(new Error(secret), { statusCode: 413, code: 'FST_ERR_CTP_BODY_TOO_LARGE' }), 413, 'too_large'],
  ['a 415 of the parser', Object.assign(new Error(secret), { statusCode: 415 }), 415, 'unsupported_media_type'],
  ['a 4xx that nobody has heard of', Object.assign(new Error(secret), { statusCode: 418 }), 418, 'invalid_request'],
  ['a constraint of Postgres', databaseError('23514'), 500, 'internal'],
  ['a text with NUL', databaseError('22021'), 400, 'invalid_request'],
  ['JSON with NUL', databaseError('22P05'), 400, 'invalid_request'],
  ['a refused connection', Object.assign(new Error(secret), { code: 'ECONNREFUSED' }), 503, 'unavailable'],
  ['a Postgres that shuts down', databaseError('57P01'), 503, 'unavailable'],
  ['a full pool', new Error('timeout exceeded when trying to connect'), 503, 'unavailable'],
  ['a Redis that is away', Object.assign(new Error(secret), { name: 'MaxRetriesPerRequestError' }), 503, 'unavailable'],
  ['a Redis that is full', new Error(`OOM command not allowed ${secret}`), 503, 'unavailable'],
])('%s keeps at most its status; its text goes nowhere', (_what, thrown, status, code) => {
  expect(toAppError(thrown)).toMatchObject({ status, code });
  expect(sent(thrown)).not.toContain('secret');
  expect(sent(thrown)).not.toContain('timeout exceeded');
});

test('an error of ours keeps its text and never shows its cause', () => {
  const error = new AppError('teapot', 418, 'No coffee here.', { cause: new Error(secret) });
  expect(toAppError(error)).toBe(error);
  expect(sent(error)).toContain('No coffee here.');
  expect(sent(error)).not.toContain('secret');
});

test('the body has the members of RFC 9457 and those that existing clients read', () => {
  const error = commonErrors.invalidRequest([{ path: 'bot.name', message: 'is too long' }]);
  expect(toProblem(error, '/v1/bots', 'req_1')).toEqual({
    type: 'urn:parley:problem:invalid_request',
    title: 'Bad Request',
    status: 400,
    detail: 'The request is not valid.',
    instance: '/v1/bots',
    code: 'invalid_request',
    request_id: 'req_1',
    errors: [{ path: 'bot.name', message: 'is too long' }],
    error: { message: 'The request is not valid.', type: 'invalid_request_error', code: 'invalid_request', param: 'bot.name' },
  });
});

test.each([
  [401, 'authentication_error'],
  [403, 'permission_error'],
  [404, 'invalid_request_error'],
  [429, 'rate_limit_error'],
  [500, 'server_error'],
  [503, 'server_error'],
])("%i is OpenAI's %s", (status, type) => {
  expect(toProblem(new AppError('x', status, 'x'), '/', 'req_1').error.type).toBe(type);
});

test('headers tell whether and when to try again', () => {
  expect(problemHeaders(commonErrors.rateLimited(0.2))).toEqual({ 'retry-after': '1' });
  expect(problemHeaders(commonErrors.rateLimited(2.1))).toEqual({ 'retry-after': '3' });
  expect(problemHeaders(commonErrors.notFound())).toEqual({ 'x-should-retry': 'false' });
  expect(problemHeaders(commonErrors.unauthenticated())).toEqual({ 'x-should-retry': 'false', 'www-authenticate': 'Bearer' });
  expect(problemHeaders(commonErrors.unauthenticated(), 'Bearer a="b"')).toMatchObject({ 'www-authenticate': 'Bearer a="b"' });
  const own = new AppError('x', 401, 'x', { headers: { 'www-authenticate': 'Basic' } });
  expect(problemHeaders(own)).toEqual({ 'www-authenticate': 'Basic' });
  expect(problemHeaders(new AppError('x', 500, 'x'))).toEqual({});
});
