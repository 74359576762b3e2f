import type { LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { Agent, request } from 'undici';

const bodies = new WeakMap<Response, Readable>();

/** Statuses for which a `Response` takes no body (Fetch standard, "null body status"). */
const withoutBody = new Set([204, 205, 304]);

/** Sockets to one provider at most, per replica. */
const maxConnections = 4_096;

/**
 * A `fetch` for the `openai` client over undici's `request`. A successful answer keeps its body as a Node stream, which
 * `rawBodyOf` gives out: reading it costs half of what the web stream of a normal `Response` costs per token. Any other
 * answer has its (bounded) body inside, as the client expects. Redirects are not followed. `lookup` decides which addresses may be
 * connected to.
 */
export function createRawFetch(
  headersTimeoutMs: number,
  lookup?: LookupFunction,
): { fetch: typeof globalThis.fetch; close: () => Promise<void> } {
  const connect = { timeout: 10_000, ...(lookup === undefined ? {} : { lookup }) };
  // Body silence is judged by the caller, who knows what counts as an answer; bytes alone do not.
  const agent = new Agent({ connections: maxConnections, headersTimeout: headersTimeoutMs, bodyTimeout: 0, connect });
  const rawFetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const answer = await request(input instanceof Request ? input.url : input, {
      method: (init.method ?? 'GET') as 'GET',
      headers: Object.fromEntries(init.headers instanceof Headers ? init.headers : new Headers(init.headers)),
      body: (init.body ?? null) as string | null,
      dispatcher: agent,
      ...(init.signal ? { signal: init.signal } : {}),
    });
    // A body that is given up reports that as an error; with no listener it would end the process.
    answer.body.on('error', () => undefined);
    const headers = new Headers();
    for (const [name, value] of Object.entries(answer.headers)) {
      if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
    }
    if (answer.statusCode !== 200) {
      const text = await boundedText(answer.body);
      return new Response(withoutBody.has(answer.statusCode) ? null : text, { status: answer.statusCode, headers });
    }
    const response = new Response(null, { status: 200, headers });
    bodies.set(response, answer.body);
    return response;
  };
  return { fetch: rawFetch, close: () => agent.destroy() };
}

/** The body of a successful answer that `createRawFetch` fetched. */
export function rawBodyOf(response: Response): Readable {
  const body = bodies.get(response);
  if (body === undefined) throw new Error('this response was not fetched raw');
  return body;
}

/** Error bodies are read up to 64 KiB. */
async function boundedText(body: Readable): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    parts.push(part);
    length += part.length;
    if (length > 65_536) {
      body.destroy();
      break;
    }
  }
  return Buffer.concat(parts).subarray(0, 65_536).toString();
}
