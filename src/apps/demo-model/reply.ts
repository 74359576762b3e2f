import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError, invalidRequest } from './api-error.ts';

const bodyLimit = 64 * 1024 * 1024;

/** Reads a body of at most 64 MB. */
export async function readBody(req: IncomingMessage): Promise<Buffer> {
  const tooLong = () => new ApiError(413, 'request_too_large', 'The request body is too large.', { headers: { connection: 'close' } });
  if (Number(req.headers['content-length'] ?? 0) > bodyLimit) throw tooLong();
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of req as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > bodyLimit) throw tooLong();
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Reads a JSON body; gives it with its length in bytes. Whatever is no JSON object is a 400. */
export async function readJson(req: IncomingMessage): Promise<{ body: Record<string, unknown>; bytes: number }> {
  const raw = await readBody(req);
  let body: unknown;
  try {
    body = JSON.parse(raw.toString('utf8'));
  } catch {
    throw invalidRequest('We could not parse the JSON body of your request.');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw invalidRequest('The body of your request must be a JSON object.');
  return { body: body as Record<string, unknown>, bytes: raw.length };
}

/** Sends a JSON answer. */
export function sendJson(res: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  const text = JSON.stringify(body);
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers }).end(text);
}

/** Sends an error in OpenAI's shape; one that is not an ApiError becomes a 500. Where the answer has begun, the socket is destroyed. */
export function sendError(res: ServerResponse, error: unknown): number {
  const known =
    error instanceof ApiError ? error : new ApiError(500, 'internal_error', 'The demo model failed; its standard error says why.');
  if (known !== error && !res.destroyed) process.stderr.write(`demo-model: ${error instanceof Error ? error.stack : String(error)}\n`);
  if (res.headersSent) res.destroy();
  else if (!res.destroyed) sendJson(res, known.status, known.toBody(), known.headers);
  return known.status;
}
