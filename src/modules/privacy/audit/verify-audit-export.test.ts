import { CompactSign, exportJWK, generateKeyPair, type JWK } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { newUuid, publicId } from '../../../kernel/ids.ts';
import { type AuditFacts, factsDigest, genesisHash, rowHash } from '../../../platform/audit/index.ts';
import { type ExportRow, factsOf, headType, lineOf } from './audit-export-format.ts';
import { type AuditFault, readHead, verifyAuditExport } from './verify-audit-export.ts';

const count = 10_000;
const [tenantId, otherId] = [newUuid(), newUuid()];
const tenant = publicId('tenant', tenantId);
const exportedAt = '2026-12-01T00:00:00.000Z';

type Key = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
let [key, foreignKey]: Key[] = [];
let keys: JWK[];
/** Header, rows, head. */
let whole: string[];

function chain(of: string, rows: number): ExportRow[] {
  let before = genesisHash(of);
  return Array.from({ length: rows }, (_, at) => {
    const facts: AuditFacts = {
      version: 1,
      tenant: publicId('tenant', of),
      at: new Date(1_790_000_000_000 + at * 1_000).toISOString(),
      actor: { kind: 'user', id: 'usr_1' },
      action: 'bot.update',
      target: { kind: 'bot', id: `bot_${at}` },
      outcome: 'done',
      origin: null,
      detail: { fields: ['instructions', 'name'] },
    };
    const row = { object: 'audit_event' as const, seq: at + 1, ...facts, previous: before.toString('hex') } as Omit<ExportRow, 'hash'>;
    before = rowHash(before, at + 1, factsDigest(facts));
    return { ...row, hash: before.toString('hex') };
  });
}

const place = (seq: number, hash: string) => ({ seq, hash });
const genesis = (of: string) => place(0, genesisHash(of).toString('hex'));

function sign(claims: object, by = key as Key, kid = 'mine'): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(claims))).setProtectedHeader({ alg: 'ES256', kid, typ: headType }).sign(by);
}

async function exportOf(of: string, rows: ExportRow[], from = genesis(of)): Promise<string[]> {
  const last = rows.at(-1);
  const to = last === undefined ? from : place(last.seq, last.hash);
  const id = publicId('tenant', of);
  const head = await sign({ iss: 'http://localhost', tenant: id, iat: 1_790_000_000, from, to });
  return [
    lineOf({ object: 'audit_export', version: 1, tenant: id, exported_at: exportedAt, from, keys: keys as (JWK & { kid: string })[] }),
    ...rows.map(lineOf),
    lineOf({ object: 'audit_head', head }),
  ].map((line) => line.trimEnd());
}

beforeAll(async () => {
  const [mine, theirs] = [await generateKeyPair('ES256', { extractable: true }), await generateKeyPair('ES256')];
  [key, foreignKey] = [mine.privateKey, theirs.privateKey];
  keys = [{ ...(await exportJWK(mine.publicKey)), kid: 'mine', alg: 'ES256' }];
  whole = await exportOf(tenantId, chain(tenantId, count));
});

async function* each(lines: string[]) {
  yield* lines;
}
const check = (lines: string[], options = {}) => verifyAuditExport(each(lines), { keys, ...options });
const faultOf = async (lines: string[], options = {}): Promise<Partial<AuditFault> | undefined> => (await check(lines, options)).fault;

/** Row `seq` of the export, changed. */
function changed(seq: number, change: (row: ExportRow) => ExportRow): string[] {
  const row = JSON.parse(whole[seq] as string) as ExportRow;
  return whole.with(seq, lineOf(change(row)).trimEnd());
}
/** With a hash that fits what it says. */
function rehashed(row: ExportRow): ExportRow {
  return { ...row, hash: rowHash(Buffer.from(row.previous, 'hex'), row.seq, factsDigest(factsOf(row))).toString('hex') };
}

describe('an export of 10,000 rows', () => {
  it('verifies as it is, also with the keys that it carries', async () => {
    const verdict = await check(whole);
    expect(verdict).toMatchObject({ tenant, rows: count, head: { kid: 'mine', to: { seq: count } } });
    expect(verdict.fault).toBeUndefined();
    expect((await check(whole, { keys: undefined })).fault).toBeUndefined();
  });

  it.each([
    ['an actor', (row: ExportRow) => ({ ...row, actor: { kind: 'user', id: 'usr_2' } })],
    ['a time', (row: ExportRow) => ({ ...row, at: exportedAt })],
    ['an action', (row: ExportRow) => ({ ...row, action: 'bot.delete' })],
    ['a target', (row: ExportRow) => ({ ...row, target: null })],
    ['an outcome', (row: ExportRow) => ({ ...row, outcome: 'refused' as const })],
    ['an origin', (row: ExportRow) => ({ ...row, origin: { network: '203.0.113.0/24', address_hash: '', request_id: null } })],
    ['a detail', (row: ExportRow) => ({ ...row, detail: { fields: ['name', 'instructions'] } })],
    ['a version', (row: ExportRow) => ({ ...row, version: 2 })],
    ['a hash', (row: ExportRow) => ({ ...row, hash: '0'.repeat(64) })],
    ['a field with a hash that fits', (row: ExportRow) => rehashed({ ...row, action: 'bot.delete' })],
  ])('names the one row in which %s was changed', async (what, change) => {
    // What comes after the first fault is not checked any more: the last rows cost the most.
    for (const seq of what.startsWith('a field') ? [1, 2, 4_711, count - 1, count] : [1, 711])
      expect(await faultOf(changed(seq, change)), `row ${seq}`).toMatchObject({ kind: 'changed', row: seq });
  });

  it('names a row of which one byte is another, though it means the same', async () => {
    const line = whole[5_000] as string;
    for (const other of [
      line.replace(':', ': '),
      line.replace('bot.update', 'bot\\u002eupdate'),
      line.replace('{', '{"action":"bot.delete",'),
    ])
      expect(await faultOf(whole.with(5_000, other))).toMatchObject({ kind: 'changed', row: 5_000, line: 5_001 });
  });

  it('names a row that is missing, one or several', async () => {
    for (const seq of [1, count - 1])
      expect(await faultOf(whole.toSpliced(seq, 1)), `row ${seq}`).toMatchObject({ kind: 'missing', row: seq, line: seq + 1 });
    expect((await faultOf(whole.toSpliced(100, 50)))?.says).toBe('rows 100 to 149 are missing');
  });

  it('names a row that was put in: a copy, a forged one, and one with a hash that fits', async () => {
    const copy = whole[4_711] as string;
    expect(await faultOf(whole.toSpliced(6_000, 0, copy))).toMatchObject({ kind: 'inserted', row: 4_711, line: 6_001 });
    const forged = JSON.parse(copy) as ExportRow;
    const made = { ...forged, action: 'bot.delete' };
    expect(await faultOf(whole.toSpliced(4_711, 0, lineOf(made).trimEnd()))).toMatchObject({ kind: 'inserted', row: 4_711, line: 4_712 });
    expect(await faultOf(whole.toSpliced(4_711, 0, lineOf(rehashed(made)).trimEnd()))).toMatchObject({ kind: 'inserted', row: 4_711 });
    expect(await faultOf(whole.toSpliced(11, 0, 'nonsense'))).toMatchObject({ kind: 'inserted', line: 12 });
    const last = JSON.parse(whole[count] as string) as ExportRow;
    const after = rehashed({ ...last, seq: count + 1, previous: last.hash });
    expect(await faultOf(whole.toSpliced(count + 1, 0, lineOf(after).trimEnd()))).toMatchObject({ kind: 'inserted', row: count + 1 });
    expect(await faultOf([...whole, copy])).toMatchObject({ kind: 'inserted', line: count + 3 });
  });

  it('names a row that stands elsewhere', async () => {
    const row = whole[4_711] as string;
    expect(await faultOf(whole.toSpliced(4_711, 1).toSpliced(9_000, 0, row))).toMatchObject({ kind: 'reordered', row: 4_711 });
    expect(await faultOf(whole.with(4_711, whole[4_712] as string).with(4_712, row))).toMatchObject({ kind: 'reordered', row: 4_711 });
    expect(await faultOf(whole.with(1, whole[count] as string).with(count, whole[1] as string))).toMatchObject({
      kind: 'reordered',
      row: 1,
    });
  });

  it('names where it was cut off, with its head or without', async () => {
    expect(await faultOf(whole.toSpliced(count, 1))).toMatchObject({ kind: 'truncated', row: count });
    expect(await faultOf(whole.slice(0, -1))).toMatchObject({ kind: 'truncated', row: count + 1 });
    expect(await faultOf(whole.slice(0, 5_000))).toMatchObject({ kind: 'truncated', row: 5_000 });
    expect(await faultOf(whole.slice(0, 1))).toMatchObject({ kind: 'truncated', row: 1 });
    expect(await faultOf([])).toMatchObject({ kind: 'format' });
    // The first rows gone, and the header made to fit.
    const cut = JSON.parse(whole[100] as string) as ExportRow;
    const header = { ...JSON.parse(whole[0] as string), from: { seq: 100, hash: cut.hash } };
    expect(await faultOf([lineOf(header).trimEnd(), ...whole.slice(101)])).toMatchObject({ kind: 'start' });
  });

  it('takes no signature but one of the keys that it was given, over this very chain', async () => {
    const small = await exportOf(tenantId, chain(tenantId, 20));
    const last = JSON.parse(small[20] as string) as ExportRow;
    const claims = { iss: 'http://localhost', tenant, iat: 1, from: genesis(tenantId), to: place(20, last.hash) };
    const signedBy = async (head: Promise<string>) => faultOf(small.with(21, lineOf({ object: 'audit_head', head: await head }).trimEnd()));
    expect(await signedBy(sign(claims))).toBeUndefined();
    expect(await signedBy(sign(claims, foreignKey))).toMatchObject({ kind: 'signature' });
    expect(await signedBy(sign(claims, foreignKey, 'theirs'))).toMatchObject({ kind: 'signature' });
    expect(await signedBy(sign({ ...claims, tenant: publicId('tenant', otherId) }))).toMatchObject({ kind: 'foreign' });
    expect(await faultOf(small.with(21, 'nonsense'))).toMatchObject({ kind: 'signature' });
    const [head, payload] = (await sign(claims)).split('.');
    expect(await signedBy(Promise.resolve(`${head}.${payload}.`))).toMatchObject({ kind: 'signature' });
    // Signed by us, but no head: an access token, say.
    const other = new CompactSign(Buffer.from(JSON.stringify(claims))).setProtectedHeader({ alg: 'ES256', kid: 'mine', typ: 'at+jwt' });
    expect(await signedBy(other.sign(key as Key))).toMatchObject({ kind: 'signature' });
  });

  it('names a row of another tenant, and takes no other tenant’s chain for this one', async () => {
    const foreign = chain(otherId, 20);
    expect(await faultOf(whole.with(20, lineOf(foreign[19] as ExportRow).trimEnd()))).toMatchObject({ kind: 'foreign', row: 20 });
    const theirs = await exportOf(otherId, foreign);
    expect((await check(theirs)).fault).toBeUndefined();
    const relabelled = { ...JSON.parse(theirs[0] as string), tenant };
    expect(await faultOf([lineOf(relabelled).trimEnd(), ...theirs.slice(1)])).toMatchObject({ kind: 'start' });
  });

  it('a chain that was made anew as a whole is told by a head that was kept', async () => {
    const rows = chain(tenantId, 300);
    const earlier = await readHead(JSON.parse((await exportOf(tenantId, rows)).at(-1) as string).head, keys);
    let before = genesisHash(tenantId).toString('hex');
    const anew = rows.map((row) => {
      const made = rehashed({ ...row, previous: before, ...(row.seq === 250 ? { action: 'bot.delete' } : {}) });
      before = made.hash;
      return made;
    });
    const forged = await exportOf(tenantId, anew);
    expect((await check(forged)).fault).toBeUndefined();
    expect(await faultOf(forged, { earlier })).toMatchObject({ kind: 'changed', row: 300 });
    expect(await faultOf(await exportOf(tenantId, rows.slice(0, 200)), { earlier })).toMatchObject({ kind: 'truncated', row: 201 });
    expect(await faultOf(whole, { earlier })).toBeUndefined();
    // What goes on where an earlier one ended holds against it too.
    const rest = await exportOf(tenantId, chain(tenantId, 400).slice(300), earlier?.to);
    expect(await check(rest, { earlier })).toMatchObject({ rows: 100 });
    expect(await faultOf(rest, { earlier })).toBeUndefined();
  });
});
