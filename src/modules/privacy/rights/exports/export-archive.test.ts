import { expect, test } from 'vitest';
import { openArchive, openEntry, zipEntries } from '../../../../../test/support/zip-reader.ts';
import type { ExportedRecord } from '../../../../platform/personal-data/index.ts';
import { writeArchive } from './export-archive.ts';

const facts = { tenant: 'ten_1', subject: { kind: 'visitor', id: 'vis_1' }, export: 'pexp_1', madeAt: new Date('2026-12-01T12:00:00Z') };
const password = 'a long and random password';

async function* given(records: ExportedRecord[]): AsyncGenerator<ExportedRecord> {
  yield* records;
}
const lines = (text = '') => text.split('\n').filter((line) => line !== '');

async function archiveOf(records: AsyncIterable<ExportedRecord>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  await writeArchive(records, facts, password, async (bytes) => void pieces.push(Uint8Array.from(bytes)));
  return Buffer.concat(pieces);
}

test('each list is a file of lines, in their order; a list that comes up again is another file; manifest and README say so', async () => {
  const many = Array.from({ length: 3_000 }, (_, n) => ({ file: 'messages', record: { n, text: `line\n"${n}" ü`.repeat(5) } }));
  const visitor = { file: 'visitors', record: { name: 'Ada' } };
  const files = openArchive(await archiveOf(given([visitor, ...many, visitor])), password);
  expect([...files.keys()]).toEqual(['visitors.jsonl', 'messages.jsonl', 'visitors-2.jsonl', 'manifest.json', 'README.txt']);
  expect(lines(files.get('messages.jsonl')).map((line) => JSON.parse(line))).toEqual(many.map(({ record }) => record));
  expect(files.get('visitors-2.jsonl')).toBe('{"name":"Ada"}\n');
  expect(JSON.parse(files.get('manifest.json') ?? '')).toEqual({
    format: 'parley-personal-export',
    version: 1,
    tenant: 'ten_1',
    subject: { kind: 'visitor', id: 'vis_1' },
    export: 'pexp_1',
    made_at: '2026-12-01T12:00:00.000Z',
    files: [
      { name: 'visitors.jsonl', list: 'visitors', records: 1 },
      { name: 'messages.jsonl', list: 'messages', records: 3_000 },
      { name: 'visitors-2.jsonl', list: 'visitors', records: 1 },
    ],
  });
  expect(files.get('README.txt')).toContain('messages.jsonl (3000): what was said');
});

test('every entry is AES-256 as AE-2; nothing of it is readable without the password, or after a change', async () => {
  const archive = await archiveOf(given([{ file: 'messages', record: { text: 'a-secret-marker' } }]));
  const entries = zipEntries(archive);
  for (const { aes } of entries) expect(aes).toEqual({ version: 2, strength: 3, method: 8 });
  expect(archive.includes('a-secret-marker')).toBe(false);
  const [first] = entries as [(typeof entries)[number]];
  expect(openEntry(first, password).toString()).toContain('a-secret-marker');
  expect(() => openEntry(first, 'another password')).toThrow();
  const changed = Buffer.from(first.stored);
  changed.writeUInt8((changed[20] as number) ^ 1, 20);
  expect(() => openEntry({ ...first, stored: changed }, password)).toThrow('changed');
  expect([...openArchive(await archiveOf(given([])), password).keys()]).toEqual(['manifest.json', 'README.txt']);
});

test('what the records or the store throw comes out as it is, and the records are let go of', async () => {
  let closed = false;
  async function* endless(): AsyncGenerator<ExportedRecord> {
    try {
      for (let n = 0; ; n += 1) yield { file: 'messages', record: { n, noise: `${Math.sin(n)}`.repeat(50) } };
    } finally {
      closed = true;
    }
  }
  const full = new Error('full');
  let taken = 0;
  const writing = writeArchive(endless(), facts, password, async (bytes) => {
    taken += bytes.length;
    if (taken > 100_000) throw full;
  });
  await expect(writing).rejects.toBe(full);
  await expect.poll(() => closed).toBe(true);
  async function* broken(): AsyncGenerator<ExportedRecord> {
    yield { file: 'messages', record: {} };
    throw full;
  }
  await expect(writeArchive(broken(), facts, password, async () => undefined)).rejects.toBe(full);
});
