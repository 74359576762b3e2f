import { afterAll, beforeAll, expect, test } from 'vitest';
import { problemFaults } from '../support/problem-check.ts';
import { type RawAnswer, type RawRequest, rawRequest } from '../support/raw-http.ts';
import { matrixTarget } from '../support/matrix-target.ts';
import { exampleOf, resolved } from '../support/schema-example.ts';
import { pathFor, type MatrixTarget } from '../support/route-matrix.ts';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';

let stack: TestStack;
let tenant: TestTenant;
let target: MatrixTarget;
let url: string;

beforeAll(async () => {
  stack = await testStack();
  tenant = await stack.tenant();
  target = await matrixTarget(stack, tenant, await stack.tenant());
  url = stack.url.replace('localhost', '127.0.0.1');
});
afterAll(() => stack.close());

/** What is wrong with an answer to a hostile request. */
function faultsOf(answer: RawAnswer, credential: boolean): string[] {
  const faults: string[] = [];
  if (answer.status === 0) faults.push('no answer');
  if (answer.status >= 500) faults.push(`status ${answer.status}`);
  if (!credential && answer.status >= 200 && answer.status < 300) faults.push(`status ${answer.status} without a credential`);
  if (answer.status < 400) return faults;
  let body: unknown;
  try {
    body = JSON.parse(answer.body);
  } catch {
    return [...faults, `status ${answer.status} with a body that is no JSON: ${answer.body.slice(0, 100)}`];
  }
  const checked = {
    status: answer.status,
    contentType: answer.headers['content-type'] ?? null,
    requestId: answer.headers['x-request-id'] ?? null,
    body,
  };
  return [...faults, ...problemFaults(checked)];
}

async function findings(requests: Record<string, RawRequest>, credential: boolean): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const [name, request] of Object.entries(requests)) {
    const headers = [...(request.headers ?? []), ...(credential ? [`Authorization: Bearer ${tenant.accessToken}`] : [])];
    const answer = await rawRequest(url, { ...request, headers });
    const faults = faultsOf(answer, credential);
    if (faults.length > 0) found[name] = faults;
  }
  return found;
}

const paths = [
  '/v1/%62ots',
  '/v1/bots/',
  '/v1//bots',
  '//v1/bots',
  '/v1/bots;a=b',
  '/v1/bots%2f',
  '/v1/bots%2F..',
  '/v1/../v1/bots',
  '/v1/%2e%2e/v1/bots',
  '/v1/./bots',
  '/V1/BOTS',
  '/v1/Bots',
  '/v1/bots%00',
  '/v1/bots/%00',
  '/v1/bots%',
  '/v1/bots%zz',
  '/v1/bots?%zz',
  '/v1/bots?limit=%ff',
  '/v1/bots/%ff',
  '/v1/bots/%c0%ae',
  '/v1/bots#x',
  '/v1/bots?',
  '/v1/bots??',
  '/v1/bots?limit=1&limit=2',
  '/v1/bots?limit[]=1',
  '/v1/bots?limit[__proto__]=1',
  '/v1/bots?__proto__=1',
  '/v1/bots?after=%00',
  '/v1/bots?limit=1e999',
  '/v1/bots?limit=-1',
  `/v1/bots/${'a'.repeat(5_000)}`,
  `/v1/bots?after=${'a'.repeat(10_000)}`,
  '/v1/bots\\',
  '/v1\\bots',
  '/v1/bots/..%5c',
  '/..',
  '/../etc/passwd',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/v1/conversations?visitor_id=%00',
  '/v1/bots/%E2%80%AE',
  'http://elsewhere.example/v1/bots',
  '/v1/bots%20',
  '/v1/bots%09',
  '/v1/me/',
  '/v1/me;jsessionid=1',
  '/v1/me%2e',
  '/v1/me.json',
];

test.each([false, true])('hostile paths are refused with the one error body (credential: %s)', async (credential) => {
  const requests = Object.fromEntries(
    paths.flatMap((path) => ['GET', 'DELETE', 'POST'].map((method) => [`${method} ${path.slice(0, 80)}`, { method, path }])),
  );
  expect(await findings(requests, credential)).toEqual({});
});

test.each([false, true])('unusual methods are refused with the one error body (credential: %s)', async (credential) => {
  const methods = ['PUT', 'TRACE', 'PROPFIND', 'SEARCH', 'get', 'FOO', 'QUERY', 'LOCK'];
  const requests = Object.fromEntries(methods.map((method) => [method, { method, path: '/v1/bots' }]));
  expect(await findings(requests, credential)).toEqual({});
});

test('OPTIONS answers browsers about origins and says nothing else', async () => {
  const answer = await rawRequest(url, { method: 'OPTIONS', path: '/v1/bots' });
  expect(answer).toMatchObject({ status: 204, body: '' });
});

const good = '{"name":"fuzz"}';
const contentTypes = [
  'application/json\t; charset=utf-8',
  'application/json ;\tcharset=utf-16',
  'application/json; charset=latin1',
  'application/json;;;',
  'application/json, text/plain',
  'APPLICATION/JSON',
  'application/jsonx',
  'application/problem+json',
  'text/plain',
  'text/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  '',
  ' ',
  '*/*',
  'application',
  'a/b/c',
  'application/json; __proto__=x',
  '\tapplication/json',
  'application/\tjson',
];

test.each([false, true])(
  'tricks with the content type end in the one error body or in what the type says (credential: %s)',
  async (credential) => {
    const requests = Object.fromEntries(
      contentTypes.map((type) => [type, { method: 'POST', path: '/v1/bots', headers: [`Content-Type: ${type}`], body: good }]),
    );
    expect(await findings(requests, credential)).toEqual({});
    expect(await findings({ none: { method: 'POST', path: '/v1/bots', body: good } }, credential)).toEqual({});
  },
);

const bodies: Record<string, Buffer | string> = {
  empty: '',
  space: ' ',
  null: 'null',
  number: '1',
  string: '"x"',
  array: '[]',
  nested: '[{}]',
  cut: '{"name":"x',
  trailing: '{"name":"x"}}',
  comma: '{"name":"x",}',
  'NUL in a text': '{"name":"a\\u0000b"}',
  'a raw NUL': '{"name":"a\0b"}',
  'NUL in a metadata key': '{"name":"x","metadata":{"a\\u0000":"b"}}',
  'a lone surrogate': '{"name":"\\ud800"}',
  'invalid UTF-8': Buffer.from('7b226e616d65223a22c328ff227d', 'hex'),
  'a byte order mark': `\u{feff}${good}`,
  'UTF-16': Buffer.from(good, 'utf16le'),
  'deep arrays': '['.repeat(100_000) + ']'.repeat(100_000),
  'deep objects': `{"name":"x","metadata":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`,
  'many keys': `{"name":"x","metadata":{${Array.from({ length: 20_000 }, (_, at) => `"k${at}":"v"`).join(',')}}}`,
  'many unknown keys': `{"name":"x",${Array.from({ length: 20_000 }, (_, at) => `"k${at}":1`).join(',')}}`,
  __proto__: '{"name":"x","__proto__":{"admin":true}}',
  'an escaped __proto__': '{"name":"x","\\u005f_proto__":{"admin":true}}',
  'constructor.prototype': '{"name":"x","constructor":{"prototype":{"admin":true}}}',
  '__proto__ in metadata': '{"name":"x","metadata":{"__proto__":"y"}}',
  'a number beyond all': '{"name":"x","temperature":1e999}',
  'duplicate keys': '{"name":"x","name":1}',
  'a huge text': `{"name":"x","instructions":"${'a'.repeat(3_000_000)}"}`,
};

test.each([false, true])('hostile bodies end in the one error body (credential: %s)', async (credential) => {
  const requests = Object.fromEntries(
    Object.entries(bodies).flatMap(([name, body]) =>
      ['/v1/bots', '/v1/auth/sign-in', '/v1/chat'].map((path) => [
        `${path}: ${name}`,
        { method: 'POST', path, headers: ['Content-Type: application/json'], body },
      ]),
    ),
  );
  expect(await findings(requests, credential)).toEqual({});
  expect(({} as { admin?: boolean }).admin).toBeUndefined();
});

test.each([
  ['a length that is too short', { headers: ['Content-Type: application/json', 'Content-Length: 3'], body: good }],
  ['a body that is too large', { headers: ['Content-Type: application/json', 'Content-Length: 5000000'], body: '{' }],
  ['two lengths', { headers: ['Content-Type: application/json', 'Content-Length: 15', 'Content-Length: 16'], body: good }],
  ['a length and chunks', { headers: ['Content-Length: 5', 'Transfer-Encoding: chunked'], body: '0\r\n\r\n' }],
  ['a length that is no number', { headers: ['Content-Length: x'], body: good }],
  ['broken chunks', { headers: ['Content-Type: application/json', 'Transfer-Encoding: chunked'], body: 'zz\r\n{}' }],
  ['a compressed body', { headers: ['Content-Type: application/json', 'Content-Encoding: gzip'], body: good }],
  ['a broken header line', { headers: ['no colon here'], body: good }],
  ['huge headers', { headers: [`X-Big: ${'a'.repeat(40_000)}`], body: good }],
  ['an expectation', { headers: ['Expect: the impossible', 'Content-Type: application/json'], body: good }],
  ['two credentials', { headers: ['Authorization: Bearer x', 'Authorization: Bearer y'], body: good }],
  ['a hostile request id', { headers: ['X-Request-Id: <script>', 'Content-Type: application/json'], body: '{}' }],
  ['a hostile idempotency key', { headers: ['Idempotency-Key: \xff', 'Content-Type: application/json'], body: good }],
])('%s ends in the one error body', async (_name, request) => {
  expect(await findings({ request: { method: 'POST', path: '/v1/bots', ...request } }, false)).toEqual({});
});

test('NUL in any text of any body, and in any query value, is no error of ours', async () => {
  const found: Record<string, string[]> = {};
  for (const route of target.routes) {
    const path = pathFor(target, route, ({ missing }) => missing);
    const requests: Record<string, RawRequest> = {};
    for (const { name } of route.parameters.filter((parameter) => parameter.in === 'query')) {
      requests[`${route.name} query ${name}`] = { method: route.method, path: `${path.replace(/\?.*/, '')}?${name}=a%00b` };
    }
    if (route.body !== undefined) {
      const whole = (target.bodies[route.name] ?? exampleOf(route.body, target.schemas)) as Record<string, unknown>;
      for (const [name, property] of Object.entries(resolved(route.body, target.schemas).properties ?? {})) {
        if (!JSON.stringify(property).includes('"string"')) continue;
        const body = JSON.stringify({ ...whole, [name]: 'a\0b' });
        requests[`${route.name} body ${name}`] = { method: route.method, path, headers: ['Content-Type: application/json'], body };
      }
    }
    Object.assign(found, await findings(requests, true));
  }
  expect(found).toEqual({});
});
