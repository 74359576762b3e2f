import { afterAll, beforeAll, expect, it } from 'vitest';
import { replaceClock } from '../../src/kernel/clock.ts';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';

let stack: TestStack;
let tenant: TestTenant;
let other: TestTenant;
beforeAll(async () => {
  stack = await testStack();
  [tenant, other] = [await stack.tenant(), await stack.tenant()];
});
afterAll(() => stack.close());

const post = (path: string, body: unknown, of = tenant) => stack.request('POST', `/v1/privacy/${path}`, { token: of.apiKey, body });
const text = '👋 I am Ada Lovelace, ada@example.com, SSN 123-45-6789.';

it('finds what is in a text, in UTF-16 offsets, and in each of a hundred', async () => {
  const { status, body } = await post('analyze', { text });
  expect(status).toBe(200);
  const found = (body.spans as { kind: string; start: number; end: number }[]).map(({ kind, start, end }) => [
    kind,
    text.slice(start, end),
  ]);
  expect(found).toEqual([
    ['PERSON', 'Ada Lovelace'],
    ['EMAIL_ADDRESS', 'ada@example.com'],
    ['US_SSN', '123-45-6789'],
  ]);
  const many = await post('analyze', { texts: Array.from({ length: 100 }, () => text), kinds: ['US_SSN'] });
  expect((many.body.results as { spans: object[] }[]).map(({ spans }) => spans.length)).toEqual(Array.from({ length: 100 }, () => 1));
});

it('refuses what is too much or wrong with a clear error', async () => {
  for (const body of [
    {},
    { text: 1 },
    { text, texts: [text] },
    { texts: [] },
    { text, kinds: ['NAME'] },
    { texts: Array.from({ length: 101 }, () => 'a') },
  ])
    expect((await post('analyze', body)).status, JSON.stringify(body).slice(0, 80)).toBe(400);
  expect((await post('analyze', { text: 'ä'.repeat(140_000) })).status).toBe(400);
  expect((await post('analyze', { text, custom: { patterns: [{ name: 'bad', pattern: '(' }] } })).status).toBe(400);
});

it('hides values, gives them back to the same tenant for a day, and to nobody else', async () => {
  const { body } = await post('anonymize', { texts: [text, 'again ada@example.com'], actions: { US_SSN: 'mask' } });
  const [first = '', second = ''] = body.texts as string[];
  expect(first).toMatch(/^👋 I am PERSON_\w{8}, EMAIL_\w{8}, SSN \[IDNUMBER\]\.$/);
  expect(first).toContain(second.slice('again '.length));
  const back = { text: `To ${second.slice('again '.length).toLowerCase()}!`, mapping_id: body.mapping_id };
  expect((await post('deanonymize', back)).body).toEqual({ text: 'To ada@example.com!' });
  expect((await post('deanonymize', back, other)).status).toBe(404);
  expect((await post('deanonymize', { ...back, mapping_id: 'pmap_x' })).status).toBe(404);
  const restore = replaceClock({ now: () => Date.now() + 86_500_000 });
  try {
    expect((await post('deanonymize', back)).status).toBe(404);
  } finally {
    restore();
  }
});
