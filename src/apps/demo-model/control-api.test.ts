import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isLoopback } from './control-api.ts';
import { startDemoModel, type RunningDemoModel } from './server.ts';
import { WitnessLog, type WitnessEntry } from './witness-log.ts';

let server: RunningDemoModel;
let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'demo-model-'));
  file = join(folder, 'witness.jsonl');
  server = await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 0, witnessFile: file });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const demo = async (method: string, path: string, body?: unknown) => {
  const response = await fetch(`${server.url}/demo/${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return { status: response.status, body: (await response.json()) as Record<string, never> };
};
const witness = async (query: string) =>
  (await demo('GET', `witness?${query}`)).body as unknown as { entries: WitnessEntry[]; next: number; running?: WitnessEntry[] };
const ask = async (content: string, more: object = {}) => {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-one' },
    body: JSON.stringify({
      model: 'demo-small',
      user: 'visitor',
      messages: [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content },
      ],
      ...more,
    }),
  });
  await response.text();
  return response;
};

test('health and stats', async () => {
  expect(await demo('GET', 'health')).toEqual({ status: 200, body: { ok: true } });
  const before = (await demo('GET', 'stats')).body as unknown as { served_requests: number; served_tokens: number };
  await ask('stats [[demo: {"tokens":7}]]');
  await witness('match=stats&wait_ms=5000');
  expect((await demo('GET', 'stats')).body).toEqual({
    active: 0,
    served_requests: before.served_requests + 1,
    served_tokens: before.served_tokens + 7,
  });
});

test('an entry holds what was asked and served; the file holds it without the body', async () => {
  const response = await ask('full [[demo: {"tokens":2}]]');
  const { entries } = await witness('match=full&wait_ms=5000');
  expect(entries).toHaveLength(1);
  expect(entries[0]).toMatchObject({
    request_id: response.headers.get('x-request-id'),
    path: '/v1/chat/completions',
    model: 'demo-small',
    key_digest: createHash('sha256').update('sk-one').digest('hex').slice(0, 12),
    user: 'visitor',
    last_user: 'full [[demo: {"tokens":2}]]',
    system: 'Be kind.',
    script: { tokens: 2 },
    stream: false,
    tokens_planned: 2,
    tokens_served: 2,
    text_served: 't0 t1',
    status: 200,
    outcome: 'complete',
    request: { model: 'demo-small', user: 'visitor' },
  });
  const other = await startDemoModel({ witnessFile: join(folder, 'other.jsonl') });
  await fetch(`${other.url}/v1/chat/completions`, { method: 'POST', body: 'no json' });
  await other.close();
  const lines = (await readFile(join(folder, 'other.jsonl'), 'utf8')).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line) as WitnessEntry)).toMatchObject([{ seq: 1, status: 400, outcome: 'error' }]);
  expect(lines[0]).not.toContain('"request":');
});

test('entries are paged by the order of their ending, and forgotten on request', async () => {
  for (const name of ['page one', 'other', 'page two']) await ask(name);
  await server.witness.waitFor((entry) => entry.last_user === 'page two');
  const first = await witness('match=page&limit=1');
  expect(first.entries.map((entry) => entry.last_user)).toEqual(['page one']);
  const second = await witness(`match=page&after=${first.next}`);
  expect(second.entries.map((entry) => entry.last_user)).toEqual(['page two']);
  expect((await witness(`after=${second.next}`)).entries).toEqual([]);
  await demo('DELETE', 'witness');
  expect((await witness('')).entries).toEqual([]);
  await ask('page three');
  expect((await witness(`after=${second.next}&wait_ms=5000`)).entries[0]?.last_user).toBe('page three');
});

test('running requests can be listed', async () => {
  const abort = new AbortController();
  const body = JSON.stringify({
    model: 'demo-small',
    stream: true,
    messages: [{ role: 'user', content: 'run [[demo: {"stall_after_tokens":0}]]' }],
  });
  await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', body, signal: abort.signal });
  expect((await witness('running=1')).running).toMatchObject([{ outcome: 'running', seq: 0 }]);
  abort.abort();
  const [ended] = (await witness('match=run&wait_ms=5000')).entries;
  // Whichever came first.
  expect(['stalled', 'aborted_by_client']).toContain(ended?.outcome);
});

test('scripts wait for their request, one each, until they are deleted', async () => {
  expect((await demo('POST', 'scripts', { scripts: [{ status: 429 }, { status: 500 }], match: 'queued' })).body).toEqual({ waiting: 2 });
  expect((await ask('other')).status).toBe(200);
  expect((await ask('queued')).status).toBe(429);
  await demo('DELETE', 'scripts');
  expect((await ask('queued')).status).toBe(200);
  expect((await demo('POST', 'scripts', { scripts: [{ colour: 1 }] })).status).toBe(400);
  expect((await demo('GET', 'nothing')).status).toBe(404);
  expect((await demo('GET', 'witness?after=x')).status).toBe(400);
});

test('the memory is bounded in entries and in characters', () => {
  const log = new WitnessLog({ entries: 3, characters: 5000, bodiesInFile: false });
  const add = (text: string) => log.finish(log.open({ path: '/', request_id: '', last_user: text }), 'complete');
  for (const text of ['a', 'b', 'c', 'd', 'e']) add(text);
  expect(log.entries().entries.map((entry) => entry.seq)).toEqual([3, 4, 5]);
  expect(log.entries({ after: 4 }).entries.map((entry) => entry.last_user)).toEqual(['e']);
  add('x'.repeat(4400));
  expect(log.entries().entries.map((entry) => entry.seq)).toEqual([6]);
  for (let count = 0; count < 3000; count++) add(String(count));
  expect(log.entries().entries.map((entry) => entry.last_user)).toEqual(['2997', '2998', '2999']);
});

test('the bodies of refused requests weigh as well', async () => {
  const other = await startDemoModel({ witnessEntries: 1000 });
  const filler = 'x'.repeat(20_000_000);
  for (let count = 0; count < 15; count++) {
    const response = await fetch(`${other.url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify({ filler }) });
    expect(response.status).toBe(400);
  }
  // 256 M characters hold thirteen bodies of 20 MB.
  expect(other.witness.entries().entries.length).toBeLessThan(14);
  await other.close();
}, 30_000);

test('only the loopback interface may control', () => {
  expect(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].filter((address) => !isLoopback(address))).toEqual([]);
  expect(['10.0.0.1', '::ffff:10.127.0.1', '2001:db8::1', 'fe80::127.0.0.1', '', undefined].filter(isLoopback)).toEqual([]);
});

test('an entry ends once', () => {
  const log = new WitnessLog({ entries: 3, bodiesInFile: false });
  const entry = log.open({ path: '/', request_id: '' });
  expect(log.finish(entry, 'cut')).toBe(true);
  expect(log.finish(entry, 'complete')).toBe(false);
  expect(log.entries().entries.map((each) => each.outcome)).toEqual(['cut']);
});
