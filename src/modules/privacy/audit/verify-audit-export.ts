import { compactVerify, importJWK, type JWK } from 'jose';
import { uuidOf } from '../../../kernel/ids.ts';
import { canonical, factsDigest, genesisHash, rowHash } from '../../../platform/audit/index.ts';
import { ExportHead, ExportHeader, ExportRow, factsOf, HeadClaims, headType } from './audit-export-format.ts';

/** What can be wrong with an export. */
export type AuditFaultKind = 'format' | 'changed' | 'missing' | 'inserted' | 'reordered' | 'truncated' | 'signature' | 'foreign' | 'start';

/** The first thing that is wrong with an export. */
export interface AuditFault {
  kind: AuditFaultKind;
  /** Number of the row that it is about, where it is about one. */
  row?: number;
  /** Line of the file, from 1. */
  line: number;
  says: string;
}

/** A signed head that was kept from an earlier export. */
export type EarlierHead = Pick<HeadClaims, 'tenant' | 'to'>;

/** What an export is held against. */
export interface VerifyOptions {
  /** The installation's public keys, had from itself. Without them the file's own are taken, which say only that it fits together. */
  keys?: JWK[] | undefined;
  /** What was signed earlier must still be in the chain. */
  earlier?: EarlierHead | undefined;
}

/** What an export holds, and the first thing that is wrong with it, if anything is. */
export interface Verdict {
  tenant: string;
  rows: number;
  head?: HeadClaims & { kid: string };
  fault?: AuditFault;
}

interface Place {
  seq: number;
  hash: string;
}

/** What a line that is no header can be. */
interface Line {
  number: number;
  row?: ExportRow;
  /** Whether the row has the hash of what it says. */
  whole?: boolean;
  /** A compact JWS. */
  head?: string;
}

/**
 * Checks an export line by line, in one pass and a fixed amount of memory: that every row has the hash of what it says and of the row before, that none is
 * missing, and that the last is what the installation signed. Never throws for what is in the file.
 */
export async function verifyAuditExport(lines: AsyncIterable<string>, options: VerifyOptions = {}): Promise<Verdict> {
  const reader = new Lines(lines);
  const first = await reader.text();
  const header = parsed(first?.text, ExportHeader);
  if (header === undefined)
    return { tenant: '', rows: 0, fault: fault('format', 1, 'the file does not begin with the header of an audit export') };
  const verdict: Verdict = { tenant: header.tenant, rows: 0 };
  const tenantId = uuidOf('tenant', header.tenant);
  const { earlier } = options;
  if (tenantId === undefined || (header.from.seq === 0 && header.from.hash !== genesisHash(tenantId).toString('hex')))
    return { ...verdict, fault: fault('start', 1, `the chain does not begin as that of ${header.tenant} does`) };
  if (earlier !== undefined && earlier.tenant !== header.tenant)
    return { ...verdict, fault: fault('foreign', 1, `the earlier head is that of ${earlier.tenant}, the export that of ${header.tenant}`) };
  if (earlier !== undefined && earlier.to.seq < header.from.seq)
    return {
      ...verdict,
      fault: fault(
        'start',
        1,
        `the export begins after row ${header.from.seq}: it cannot be held against an earlier head of row ${earlier.to.seq}`,
      ),
    };
  let last: Place = header.from;
  for (;;) {
    if (earlier?.to.seq === last.seq && earlier.to.hash !== last.hash)
      return {
        ...verdict,
        fault: fault(
          'changed',
          reader.number,
          `row ${last.seq} is not the one that was signed earlier: it or rows before it were written anew`,
          last.seq,
        ),
      };
    const line = await reader.next();
    if (line === undefined)
      return {
        ...verdict,
        fault: fault('truncated', reader.number + 1, `the file ends after row ${last.seq}, without its signed head`, last.seq + 1),
      };
    if (line.head !== undefined) return { ...verdict, ...(await judgeHead(line.number, line.head, header, last, reader, options)) };
    if (line.row !== undefined && line.whole === true && follows(line.row, last, header.tenant)) {
      last = { seq: line.row.seq, hash: line.row.hash };
      verdict.rows += 1;
    } else return { ...verdict, fault: await judgeRow(line, header, last, reader) };
  }
}

/** The claims of a signed head that one of `keys` has signed; undefined for anything else. */
export async function readHead(jws: string, keys: JWK[]): Promise<(HeadClaims & { kid: string }) | undefined> {
  try {
    const { payload, protectedHeader } = await compactVerify(
      jws,
      async ({ kid, alg }) => {
        const key = keys.find((known) => known.kid === kid);
        if (key === undefined) throw new Error('unknown key');
        return importJWK(key, alg);
      },
      { algorithms: ['ES256', 'EdDSA'] },
    );
    if (protectedHeader.typ !== headType) return undefined;
    return { ...HeadClaims.parse(JSON.parse(Buffer.from(payload).toString())), kid: protectedHeader.kid ?? '' };
  } catch {
    return undefined;
  }
}

async function judgeHead(
  number: number,
  jws: string,
  header: ExportHeader,
  last: Place,
  reader: Lines,
  { keys, earlier }: VerifyOptions,
): Promise<Pick<Verdict, 'head' | 'fault'>> {
  const wrong = (kind: AuditFaultKind, says: string, row?: number) => ({ fault: fault(kind, number, says, row) });
  const head = await readHead(jws, keys ?? header.keys);
  if (head === undefined) return wrong('signature', 'the signature of the head is not by one of the keys');
  if (head.tenant !== header.tenant)
    return wrong('foreign', `the signed head is that of ${head.tenant}, the export that of ${header.tenant}`);
  if (head.from.seq !== header.from.seq || head.from.hash !== header.from.hash)
    return wrong('start', `what was signed begins after row ${head.from.seq}, the file after row ${header.from.seq}`);
  if (last.seq < head.to.seq)
    return wrong(
      'truncated',
      `the rows end with ${last.seq}; rows ${last.seq + 1} to ${head.to.seq} that were signed are missing`,
      last.seq + 1,
    );
  if (last.seq > head.to.seq) return wrong('inserted', `row ${head.to.seq + 1} comes after the last that was signed`, head.to.seq + 1);
  if (last.hash !== head.to.hash)
    return wrong(
      'changed',
      `row ${last.seq} is not the one that was signed: it was replaced, or rows before it were written anew`,
      last.seq,
    );
  if (earlier !== undefined && earlier.to.seq > last.seq)
    return wrong('truncated', `the chain was signed earlier up to row ${earlier.to.seq} and ends with ${last.seq} now`, last.seq + 1);
  if ((await reader.next()) !== undefined) return { fault: fault('inserted', reader.number, 'something comes after the signed head') };
  return { head };
}

/** What is wrong with a line that does not follow row `last`. What comes after it tells one thing from another. */
async function judgeRow(line: Line, header: ExportHeader, last: Place, reader: Lines): Promise<AuditFault> {
  const expected = last.seq + 1;
  const row = line.row;
  if (row !== undefined && row.tenant !== header.tenant)
    return fault('foreign', line.number, `row ${row.seq} is that of ${row.tenant}`, row.seq);
  const next = await reader.next();
  const nextFits = next?.row !== undefined && next.whole === true && follows(next.row, last, header.tenant);
  if (row === undefined && next === undefined) return fault('signature', line.number, 'the last line is no signed head');
  if (row === undefined || line.whole !== true) {
    const named = row === undefined ? expected : row.seq;
    if (nextFits)
      return fault('inserted', line.number, `line ${line.number} is no row of the chain: row ${expected} comes after it`, named);
    return fault('changed', line.number, `row ${named} does not have the hash of what it says`, named);
  }
  if (row.seq === expected)
    return last.seq === header.from.seq
      ? fault('start', line.number, `row ${row.seq} does not follow the place at which the export begins`, row.seq)
      : fault('changed', line.number - 1, `row ${last.seq} was replaced: row ${row.seq} follows another one`, last.seq);
  if (row.seq <= last.seq) return fault('inserted', line.number, `row ${row.seq} is there twice`, row.seq);
  for (let later = next; later !== undefined; later = await reader.next())
    if (later.row?.seq === expected)
      return fault('reordered', line.number, `row ${expected} comes later than row ${row.seq}, in line ${later.number}`, expected);
  const missing = row.seq - 1 === expected ? `row ${expected} is` : `rows ${expected} to ${row.seq - 1} are`;
  return fault('missing', line.number, `${missing} missing`, expected);
}

function follows(row: ExportRow, last: Place, tenant: string): boolean {
  return row.seq === last.seq + 1 && row.previous === last.hash && row.tenant === tenant;
}

function fault(kind: AuditFaultKind, line: number, says: string, row?: number): AuditFault {
  return { kind, line, says, ...(row === undefined ? {} : { row }) };
}

/** The value of a line, if it is what it should be to the last byte. */
function parsed<T>(text: string | undefined, shape: { safeParse: (value: unknown) => { data?: T | undefined } }): T | undefined {
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as unknown;
    return canonical(value) === text ? shape.safeParse(value).data : undefined;
  } catch {
    return undefined;
  }
}

/** Lines of a file with their numbers; empty ones at its end do not count. */
class Lines {
  number = 0;
  private readonly source: AsyncIterator<string>;

  constructor(lines: AsyncIterable<string>) {
    this.source = lines[Symbol.asyncIterator]();
  }

  async text(): Promise<{ text: string } | undefined> {
    const { value, done } = await this.source.next();
    if (done === true) return undefined;
    this.number += 1;
    return { text: value.endsWith('\r') ? value.slice(0, -1) : value };
  }

  /** The next line; `whole` when a row has the hash of what it says. */
  async next(): Promise<Line | undefined> {
    const line = await this.text();
    if (line === undefined) return undefined;
    if (line.text === '') return this.next();
    const row = parsed(line.text, ExportRow);
    if (row !== undefined) {
      const hash = rowHash(Buffer.from(row.previous, 'hex'), row.seq, factsDigest(factsOf(row))).toString('hex');
      return { number: this.number, row, whole: hash === row.hash };
    }
    const head = parsed(line.text, ExportHead)?.head;
    return head === undefined ? { number: this.number } : { number: this.number, head };
  }
}
