import type { Readable } from 'node:stream';
import { Agent, request } from 'undici';

const bodies = new WeakMap<Response, Readable>();

/** Sockets to one provider at most, per replica. */
const maxConnections = 4_096;

/**
 * A `fetch` for the `openai` client over undici's `request`. A successful answer keeps its body as a Node stream, which
 * `rawBodyOf` gives out: reading it costs half of what the web stream of a normal `Response` costs per token. Any other
 * answer has its (bounded) body inside, as the client expects.
 */
export function createRawFetch(headersTimeoutMs: number): { fetch: typeof globalThis.fetch; close: () => Promise<void> } {
  // Body silence is judged by the caller, who knows what counts as an answer; bytes alone do not.
  const agent = new Agent({ connections: maxConnections, headersTimeout: headersTimeoutMs, bodyTimeout: 0, connect: { timeout: 10_000 } });
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
    if (answer.statusCode !== 200) return new Response(await boundedText(answer.body), { status: answer.statusCode, headers });
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
