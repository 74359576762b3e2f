import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDemoModel, type RunningDemoModel } from './server.ts';

let server: RunningDemoModel;
let client: OpenAI;
beforeAll(async () => {
  server = await startDemoModel();
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'sk-test', maxRetries: 0 });
});
afterAll(() => server.close());

const line = (id: string, content: string, url = '/v1/chat/completions') =>
  JSON.stringify({ custom_id: id, method: 'POST', url, body: { model: 'demo-small', messages: [{ role: 'user', content }] } });
const upload = async (text: string, purpose: 'batch' | 'assistants' = 'batch') =>
  client.files.create({ file: await toFile(Buffer.from(text), 'in.jsonl'), purpose });
const create = (input_file_id: string) =>
  client.batches.create({ input_file_id, endpoint: '/v1/chat/completions', completion_window: '24h' });

async function ended(id: string): Promise<OpenAI.Batch> {
  for (let tries = 0; tries < 500; tries++) {
    const batch = await client.batches.retrieve(id);
    if (['completed', 'failed', 'cancelled'].includes(batch.status)) return batch;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('The batch did not end.');
}

interface OutputLine {
  custom_id: string;
  response: { status_code: number; body: { choices?: { message: { content: string } }[]; error?: { code: string } } };
}
const output = async (id: string | null | undefined): Promise<OutputLine[]> =>
  (await (await client.files.content(id ?? '')).text())
    .trim()
    .split('\n')
    .map((each) => JSON.parse(each) as OutputLine);

test('a file is kept, listed, given back byte by byte and deleted', async () => {
  const file = await upload('Grüße\n');
  expect(file).toMatchObject({ object: 'file', bytes: 8, filename: 'in.jsonl', purpose: 'batch' });
  expect(await (await client.files.content(file.id)).text()).toBe('Grüße\n');
  expect((await client.files.list()).data.map((each) => each.id)).toContain(file.id);
  expect(await client.files.delete(file.id)).toMatchObject({ id: file.id, deleted: true });
  await expect(client.files.retrieve(file.id)).rejects.toMatchObject({ status: 404 });
});

test('a batch answers its lines, failures apart', async () => {
  const file = await upload(
    [line('a', '[[demo: {"tokens":2}]]'), line('b', '[[demo: {"status":500,"error_code":"boom"}]]'), line('c', 'Hi!')].join('\n'),
  );
  const created = await create(file.id);
  expect(created.status).toBe('validating');
  const batch = await ended(created.id);
  expect(batch).toMatchObject({ status: 'completed', request_counts: { total: 3, completed: 2, failed: 1 } });
  expect(batch.completed_at).toBeGreaterThan(0);
  const answered = await output(batch.output_file_id);
  expect(answered.map((each) => each.custom_id)).toEqual(['a', 'c']);
  expect(answered[0]?.response.body.choices?.[0]?.message.content).toBe('t0 t1');
  const failed = await output(batch.error_file_id);
  expect(failed).toMatchObject([{ custom_id: 'b', response: { status_code: 500, body: { error: { code: 'boom' } } } }]);
  const witnessed = server.witness.entries().entries.filter((entry) => entry.batch_id === batch.id);
  expect(witnessed.map((entry) => [entry.outcome, entry.tokens_served > 0])).toEqual([
    ['complete', true],
    ['error', false],
    ['complete', true],
  ]);
});

test('a batch that is cancelled keeps what was answered before', async () => {
  const slow = line('slow', '[[demo: {"tokens":1,"header_delay_ms":150}]]');
  const file = await upload([line('first', '[[demo: {"tokens":1}]]'), slow, line('never', 'Hi!')].join('\n'));
  const { id } = await create(file.id);
  for (let tries = 0; (await client.batches.retrieve(id)).request_counts?.completed !== 1; tries++) expect(tries).toBeLessThan(200);
  expect((await client.batches.cancel(id)).status).toBe('cancelling');
  const batch = await ended(id);
  expect(batch.status).toBe('cancelled');
  expect((await output(batch.output_file_id)).map((each) => each.custom_id)).toEqual(['first', 'slow']);
  await expect(client.batches.cancel(id)).rejects.toMatchObject({ status: 409 });
});

test('a file with a bad line fails as a whole, and says where', async () => {
  const lines = [line('a', 'x'), 'no json', line('a', 'y'), line('b', 'z', '/v1/embeddings')].join('\n');
  const batch = await ended((await create((await upload(lines)).id)).id);
  expect(batch.status).toBe('failed');
  expect(batch.errors?.data?.map((error) => [error.line, error.code])).toEqual([
    [2, 'invalid_json_line'],
    [3, 'duplicate_custom_id'],
    [4, 'mismatched_url'],
  ]);
  expect((await ended((await create((await upload('\n')).id)).id)).errors?.data?.[0]?.code).toBe('empty_file');
});

test('an unknown file, and one for another purpose, are refused', async () => {
  await expect(create('file-none')).rejects.toMatchObject({ status: 404 });
  await expect(create((await upload('x', 'assistants')).id)).rejects.toMatchObject({ status: 400 });
  await expect(client.batches.retrieve('batch_none')).rejects.toMatchObject({ status: 404 });
});
