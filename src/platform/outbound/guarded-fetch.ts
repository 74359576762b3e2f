import { Agent, request } from 'undici';
import { isPublicAddress, literalHostOf, lookupPublic } from './public-addresses.ts';

/** What a guarded fetch may do. */
export interface GuardedFetchOptions {
  /** False also lets it reach private addresses and plain HTTP: where the operator allows that. */
  publicOnly: boolean;
  /** For the whole of a request, its answer's body included, in milliseconds. */
  timeoutMs: number;
  /** Longest body of an answer, in bytes. */
  maxBytes: number;
}

/** A `fetch` for URLs that tenants or other servers name, and the end of its connections. */
export interface GuardedFetch {
  fetch: (url: string, init: GuardedRequest) => Promise<Response>;
  close: () => Promise<void>;
}

/** The part of a request that is taken over. */
export interface GuardedRequest {
  method?: string | undefined;
  headers?: Headers | Record<string, string> | undefined;
  body?: unknown;
  signal?: AbortSignal | undefined;
}

/** A request that was not made, or an answer that was not read on. Says no more than why. */
export class OutboundRefused extends Error {
  override name = 'OutboundRefused';
}

/** Statuses for which a `Response` takes no body (Fetch standard, "null body status"). */
const withoutBody = new Set([204, 205, 304]);

/**
 * Fetches from hosts on the internet that somebody else has named: what is looked up is what is connected to, redirects are handed back and not
 * followed, nothing is decompressed, and time and size have bounds. Throws OutboundRefused, or the transport's error.
 */
export function createGuardedFetch({ publicOnly, timeoutMs, maxBytes }: GuardedFetchOptions): GuardedFetch {
  const agent = new Agent({
    connections: 16,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: { timeout: timeoutMs, ...(publicOnly ? { lookup: lookupPublic } : {}) },
  });
  const fetch = async (url: string, init: GuardedRequest): Promise<Response> => {
    refuseUnlessAllowed(url, publicOnly);
    const headers = new Headers(init.headers);
    headers.set('accept-encoding', 'identity');
    const deadline = AbortSignal.timeout(timeoutMs);
    const answer = await request(url, {
      method: (init.method ?? 'GET') as 'GET',
      headers: Object.fromEntries(headers),
      body: bodyOf(init.body),
      dispatcher: agent,
      signal: init.signal === undefined ? deadline : AbortSignal.any([init.signal, deadline]),
    });
    // A body that is given up reports that as an error; with no listener it would end the process.
    answer.body.on('error', () => undefined);
    const encoding = answer.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      answer.body.destroy();
      throw new OutboundRefused('the answer is compressed, though that was not asked for');
    }
    const parts: Buffer[] = [];
    let length = 0;
    for await (const part of answer.body as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > maxBytes) throw new OutboundRefused(`the answer is longer than ${maxBytes} bytes`);
      parts.push(part);
    }
    const received = new Headers();
    for (const [name, value] of Object.entries(answer.headers))
      if (value !== undefined) received.set(name, Array.isArray(value) ? value.join(', ') : value);
    const body = withoutBody.has(answer.statusCode) ? null : Buffer.concat(parts);
    return new Response(body, { status: answer.statusCode, headers: received });
  };
  return { fetch, close: () => agent.destroy() };
}

function refuseUnlessAllowed(url: string, publicOnly: boolean): void {
  const { protocol, username, password } = new URL(url);
  if (protocol !== 'https:' && (publicOnly || protocol !== 'http:')) throw new OutboundRefused('only https is allowed');
  if (username !== '' || password !== '') throw new OutboundRefused('a URL holds no credentials');
  const literal = literalHostOf(url);
  if (publicOnly && literal !== undefined && !isPublicAddress(literal)) throw new OutboundRefused('this address is not public');
}

function bodyOf(body: unknown): string | Uint8Array | null {
  if (body === undefined || body === null) return null;
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  if (body instanceof URLSearchParams) return body.toString();
  throw new OutboundRefused('this kind of body is not sent');
}
