import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import OpenAI, { AzureOpenAI } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readOptions } from './options.ts';
import { startDemoModel, type RunningDemoModel } from './server.ts';

let server: RunningDemoModel;
beforeAll(async () => {
  server = await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 0, apiKey: 'sk-right' });
});
afterAll(() => server.close());

const client = (apiKey: string) => new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
const question = { model: 'demo-small', messages: [{ role: 'user' as const, content: 'Hi! [[demo: {"tokens":2}]]' }] };

test('models are listed and found', async () => {
  const { data } = await client('sk-right').models.list();
  expect(data.map((model) => model.id)).toEqual(['demo-small', 'demo-large', 'demo-embed']);
  expect(await client('sk-right').models.retrieve('demo-large')).toMatchObject({
    id: 'demo-large',
    object: 'model',
    max_model_len: 131_072,
  });
  await expect(client('sk-right').models.retrieve('none')).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
});

test('a wrong key, and none, are refused; the witness saw it', async () => {
  await expect(client('sk-wrong').chat.completions.create(question)).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' });
  expect((await fetch(`${server.url}/v1/models`)).status).toBe(401);
  expect(await server.witness.waitFor((entry) => entry.status === 401)).toMatchObject({ outcome: 'error', path: '/v1/chat/completions' });
  const open = await startDemoModel();
  expect((await fetch(`${open.url}/v1/models`)).status).toBe(200);
  await open.close();
});

test('the Azure forms work: the deployment is the model, the key is in api-key', async () => {
  const azure = new AzureOpenAI({
    endpoint: server.url,
    apiKey: 'sk-right',
    apiVersion: '2024-10-21',
    deployment: 'demo-large',
    maxRetries: 0,
  });
  const whole = await azure.chat.completions.create({ ...question, model: 'whatever' });
  expect(whole).toMatchObject({ model: 'demo-large', choices: [{ message: { content: 't0 t1' } }] });
  const headers = { 'api-key': 'sk-right' };
  const withoutVersion = await fetch(`${server.url}/openai/deployments/demo-large/chat/completions`, {
    method: 'POST',
    headers,
    body: '{}',
  });
  expect(withoutVersion.status).toBe(404);
  const v1 = await fetch(`${server.url}/openai/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify(question) });
  expect(v1.status).toBe(200);
  const embedding = await fetch(`${server.url}/openai/deployments/demo-embed/embeddings?api-version=1`, {
    method: 'POST',
    headers,
    body: '{"input":"x"}',
  });
  expect(embedding.status).toBe(200);
});

test('every answer has a request id and rate limits that count down', async () => {
  const remaining = async () => {
    const { response } = await client('sk-right').chat.completions.create(question).withResponse();
    expect(response.headers.get('x-request-id')).toMatch(/^req_/);
    for (const kind of ['requests', 'tokens']) {
      expect(response.headers.get(`x-ratelimit-reset-${kind}`)).toMatch(/^[\d.]+s$/);
      expect(Number(response.headers.get(`x-ratelimit-limit-${kind}`))).toBeGreaterThan(0);
    }
    return Number(response.headers.get('x-ratelimit-remaining-requests'));
  };
  const [first, second] = [await remaining(), await remaining()];
  // A new minute may begin between the two.
  expect([first - 1, 299_999]).toContain(second);
  const unknown = await fetch(`${server.url}/v1/nothing`, { headers: { 'api-key': 'sk-right' } });
  expect(unknown.status).toBe(404);
  expect(unknown.headers.get('x-request-id')).toMatch(/^req_/);
  expect(await unknown.json()).toEqual({
    error: expect.objectContaining({ code: 'unknown_url', type: 'invalid_request_error', param: null }) as object,
  });
});

test.each([
  ['{"model":', 400],
  ['[]', 400],
  ['null', 400],
  ['', 400],
])('the body %j is a %i', async (body, status) => {
  const headers = { 'api-key': 'sk-right', 'content-type': 'application/json' };
  const response = await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', headers, body });
  expect(response.status).toBe(status);
  expect(await response.json()).toHaveProperty('error.type', 'invalid_request_error');
});

test('a body beyond the limit is refused before it is sent', async () => {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\napi-key: sk-right\r\ncontent-length: 999999999\r\n\r\n{');
  const [head] = (await once(socket, 'data')) as [Buffer];
  expect(head.toString()).toMatch(/^HTTP\/1\.1 413 /);
  socket.destroy();
});

test('closing cuts what runs and says so in the witness', async () => {
  const other = await startDemoModel({ firstTokenMs: 0 });
  const body = JSON.stringify({ ...question, stream: true, messages: [{ role: 'user', content: '[[demo: {"stall_after_tokens":0}]]' }] });
  const response = await fetch(`${other.url}/v1/chat/completions`, { method: 'POST', body });
  const text = response.text().catch(() => 'cut');
  await other.close();
  expect(await text).toBe('cut');
  expect(other.witness.entries().entries).toMatchObject([{ outcome: 'server_closed' }]);
  await expect(fetch(other.url)).rejects.toThrow();
});

test('options come from the environment, and arguments win', () => {
  expect(readOptions({ DEMO_MODEL_PORT: '1', DEMO_MODEL_FIRST_TOKEN_MS: '0' }, ['--port', '2'])).toMatchObject({
    port: 2,
    firstTokenMs: 0,
    tokensPerSecond: 60,
  });
  expect(() => readOptions({ DEMO_MODEL_PORT: 'x' }, [])).toThrow(/port/);
  expect(() => readOptions({}, ['--colour'])).toThrow(/colour/);
});

test('the program prints its address, serves, and ends with 0 on SIGTERM', async () => {
  const main = fileURLToPath(new URL('../demo-model.main.ts', import.meta.url));
  const child = spawn(process.execPath, [main, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { url, pid } = JSON.parse(line.toString()) as { url: string; pid: number };
  expect(pid).toBe(child.pid);
  expect(await (await fetch(`${url}/demo/health`)).json()).toEqual({ ok: true });
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});
