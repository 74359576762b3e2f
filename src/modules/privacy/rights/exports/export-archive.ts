import { ReadableStream, WritableStream } from 'node:stream/web';
import { ZipWriter } from '@zip.js/zip.js/index-native.js';
import type { ExportedRecord } from '../../../../platform/personal-data/index.ts';
import { readme } from './export-readme.ts';

/** What an archive says of itself. */
export interface ArchiveFacts {
  /** Public ids. */
  tenant: string;
  subject: { kind: string; id: string };
  export: string;
  madeAt: Date;
}

/** One file of an archive with records. */
export interface ArchiveFile {
  name: string;
  list: string;
  records: number;
}

/** Version of the form of an archive. */
const formatVersion = 1;
/** Lines are handed on in pieces of this many bytes: each costs a dozen promises. */
const pieceBytes = 64 * 1024;
/** 3 stands for AES-256. */
const aes256 = 3;

/**
 * Writes an archive: a ZIP of one file of JSON lines for each list, a manifest and a README, each encrypted with AES-256 as WinZip defined it
 * (AE-2, which 7-Zip and others open). Its keys come from the password by 1,000 rounds only (PBKDF2): the password must be random. Names and
 * sizes of files are readable without it. Holds a few pieces in memory, however long the lists are. `write` takes the bytes in order, and
 * is waited for. Throws what `records` or `write` throws.
 */
export async function writeArchive(
  records: AsyncIterable<ExportedRecord>,
  facts: ArchiveFacts,
  password: string,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<ArchiveFile[]> {
  let failure: { error: unknown } | undefined;
  const sink = new WritableStream<Uint8Array>({
    async write(bytes) {
      try {
        await write(bytes);
      } catch (error) {
        failure ??= { error };
        throw error;
      }
    },
  });
  // Workers of its own would be more than a server that has other work wants to give.
  const zip = new ZipWriter(sink, { password, encryptionStrength: aes256, useWebWorkers: false, lastModDate: facts.madeAt });
  const lists = new Lists(records);
  try {
    for (let list = await lists.next(); list !== undefined; list = await lists.next())
      await zip.add(list.name, ReadableStream.from(lists.lines(list)));
    await zip.add('manifest.json', textStream(JSON.stringify(manifest(facts, lists.files), null, 2)));
    await zip.add('README.txt', textStream(readme(facts, lists.files)));
    await zip.close();
    return lists.files;
  } catch (error) {
    throw failure === undefined ? error : failure.error;
  } finally {
    await lists.close();
  }
}

/** Records, list by list. A list that comes up again gets another file. */
class Lists {
  readonly files: ArchiveFile[] = [];
  private readonly records: AsyncIterator<ExportedRecord>;
  private ahead: ExportedRecord | undefined;

  constructor(records: AsyncIterable<ExportedRecord>) {
    this.records = records[Symbol.asyncIterator]();
  }

  /** The next list; undefined at the end. The lines of the one before must have been read. */
  async next(): Promise<ArchiveFile | undefined> {
    this.ahead ??= await this.take();
    if (this.ahead === undefined) return undefined;
    const { file: list } = this.ahead;
    const before = this.files.filter((file) => file.list === list).length;
    const file = { name: before === 0 ? `${list}.jsonl` : `${list}-${before + 1}.jsonl`, list, records: 0 };
    this.files.push(file);
    return file;
  }

  /** The lines of a list, as pieces of text. */
  async *lines(file: ArchiveFile): AsyncGenerator<Uint8Array> {
    let piece = '';
    while (this.ahead?.file === file.list) {
      piece += `${JSON.stringify(this.ahead.record)}\n`;
      file.records += 1;
      if (piece.length >= pieceBytes) {
        yield Buffer.from(piece);
        piece = '';
      }
      this.ahead = await this.take();
    }
    if (piece !== '') yield Buffer.from(piece);
  }

  async close(): Promise<void> {
    await this.records.return?.();
  }

  private async take(): Promise<ExportedRecord | undefined> {
    const taken = await this.records.next();
    return taken.done === true ? undefined : taken.value;
  }
}

function manifest({ tenant, subject, export: id, madeAt }: ArchiveFacts, files: ArchiveFile[]) {
  return { format: 'parley-personal-export', version: formatVersion, tenant, subject, export: id, made_at: madeAt.toISOString(), files };
}

function textStream(text: string): ReadableStream<Uint8Array> {
  return ReadableStream.from([Buffer.from(`${text}\n`)]);
}
