import { randomUUID } from 'node:crypto';
import { ApiError, invalidRequest } from './api-error.ts';
import type { Exchange } from './demo-state.ts';
import { readBody, sendJson } from './reply.ts';

const totalLimit = 256 * 1024 * 1024;
const countLimit = 1000;

/** A file as `GET /v1/files/{id}` shows it. */
export interface DemoFile {
  id: string;
  object: 'file';
  bytes: number;
  created_at: number;
  filename: string;
  purpose: string;
  status: 'processed';
}

/** Files in memory: at most 1000, and 256 MB together. */
export class FileStore {
  readonly #files = new Map<string, { file: DemoFile; content: Buffer }>();
  #bytes = 0;

  /** Throws a 413 when the store is full. */
  add(filename: string, purpose: string, content: Buffer): DemoFile {
    if (this.#files.size >= countLimit || this.#bytes + content.length > totalLimit) {
      throw new ApiError(413, 'storage_limit_exceeded', 'The demo model has no room for another file. Delete some.');
    }
    const file: DemoFile = {
      id: `file-${randomUUID().replaceAll('-', '')}`,
      object: 'file',
      bytes: content.length,
      created_at: Math.floor(Date.now() / 1000),
      filename,
      purpose,
      status: 'processed',
    };
    this.#files.set(file.id, { file, content });
    this.#bytes += content.length;
    return file;
  }

  /** Throws a 404. */
  get(id: string): { file: DemoFile; content: Buffer } {
    const found = this.#files.get(id);
    if (found === undefined) throw new ApiError(404, null, `No such File object: ${id.slice(0, 100)}`, { param: 'id' });
    return found;
  }

  list(purpose: string | null): DemoFile[] {
    return [...this.#files.values()]
      .map(({ file }) => file)
      .filter((file) => purpose === null || file.purpose === purpose)
      .toReversed();
  }

  /** Throws a 404. */
  delete(id: string): void {
    this.#bytes -= this.get(id).content.length;
    this.#files.delete(id);
  }
}

/** Answers `/v1/files…`. */
export async function files(store: FileStore, { req, res, path, query }: Exchange): Promise<void> {
  const [id, content, ...more] = path.split('/').slice(3);
  const route = `${req.method} ${id === undefined ? '' : ':id'}${content === undefined ? '' : `/${content}`}`;
  if (more.length > 0) throw notFound(path);
  if (route === 'POST ') return sendJson(res, 200, await upload(store, req.headers['content-type'] ?? '', await readBody(req)));
  if (route === 'GET ') return sendJson(res, 200, toList(store.list(query.get('purpose'))));
  if (route === 'GET :id') return sendJson(res, 200, store.get(id ?? '').file);
  if (route === 'GET :id/content') {
    res.writeHead(200, { 'content-type': 'application/octet-stream' }).end(store.get(id ?? '').content);
    return;
  }
  if (route === 'DELETE :id') {
    store.delete(id ?? '');
    return sendJson(res, 200, { id, object: 'file', deleted: true });
  }
  throw notFound(`${req.method} ${path}`);
}

/** A list as OpenAI's clients page it; ours is always one page. */
export function toList(data: { id: string }[]): Record<string, unknown> {
  return { object: 'list', data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: false };
}

/** OpenAI's answer to an unknown path. */
export function notFound(what: string): ApiError {
  return new ApiError(404, 'unknown_url', `Unknown request URL: ${what.slice(0, 200)}.`);
}

async function upload(store: FileStore, contentType: string, body: Buffer): Promise<DemoFile> {
  let form: FormData;
  try {
    form = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData();
  } catch {
    throw invalidRequest('The body must be multipart/form-data.');
  }
  const file = form.get('file');
  const purpose = form.get('purpose');
  if (file === null || typeof file === 'string') throw invalidRequest("'file' is a required property", 'file');
  if (typeof purpose !== 'string') throw invalidRequest("'purpose' is a required property", 'purpose');
  return store.add(file.name, purpose, Buffer.from(await file.arrayBuffer()));
}
