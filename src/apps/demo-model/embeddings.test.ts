import OpenAI, { APIError } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { embed } from './embeddings.ts';
import { startDemoModel, type RunningDemoModel } from './server.ts';

let server: RunningDemoModel;
let client: OpenAI;
beforeAll(async () => {
  server = await startDemoModel();
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'sk-test', maxRetries: 0 });
});
afterAll(() => server.close());

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

test('texts that share words are near, others are not, and every vector has length 1', () => {
  const hours = embed('What are your opening hours?');
  expect(dot(hours, embed('Opening hours, please!'))).toBeGreaterThan(0.9);
  expect(Math.abs(dot(hours, embed('refund policy of returned bicycles')))).toBeLessThan(0.3);
  for (const text of ['one', '!!!', 'the of and', 'word '.repeat(500)]) expect(dot(embed(text), embed(text))).toBeCloseTo(1, 5);
});

test('the client’s base64 and the plain floats are the same vectors, in the order of the inputs', async () => {
  const input = ['first text', 'second text'];
  const viaBase64 = await client.embeddings.create({ model: 'demo-embed', input });
  const floats = await client.embeddings.create({ model: 'demo-embed', input, encoding_format: 'float' });
  expect(viaBase64.data.map((each) => each.index)).toEqual([0, 1]);
  expect(viaBase64.data[1]?.embedding).toEqual(floats.data[1]?.embedding);
  expect(floats.data[1]?.embedding).toEqual(Array.from(embed('second text')));
  expect(floats.usage).toEqual({ prompt_tokens: 4, total_tokens: 4 });
});

test('dimensions are obeyed, and token ids taken', async () => {
  const { data } = await client.embeddings.create({ model: 'demo-embed', input: [[1, 2], [3]], dimensions: 64 });
  expect(data).toHaveLength(2);
  expect(data[0]?.embedding).toHaveLength(64);
});

test.each([
  [{ input: '' }, 400],
  [{ input: [] }, 400],
  [{ input: 'word '.repeat(8193) }, 400],
  [{ model: 'demo-small' }, 400],
  [{ model: 'none' }, 404],
  [{ dimensions: 0 }, 400],
])('%# is refused', async (more, status) => {
  const error = await client.embeddings.create({ model: 'demo-embed', input: 'x', ...more }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(APIError);
  expect(error).toMatchObject({ status });
});

test('a waiting script fails one request; the witness has both', async () => {
  server.scripts.add({ scripts: [{ status: 503 }], endpoint: 'embeddings', match: 'shaky' });
  const create = () => client.embeddings.create({ model: 'demo-embed', input: ['a shaky', 'start'] });
  await expect(create()).rejects.toMatchObject({ status: 503 });
  await create();
  await server.witness.waitFor((entry) => entry.last_user.includes('shaky') && entry.status === 200);
  const { entries } = server.witness.entries({ match: 'shaky' });
  expect(entries.map((entry) => [entry.status, entry.outcome, entry.prompt_tokens])).toEqual([
    [503, 'error', 3],
    [200, 'complete', 3],
  ]);
});
