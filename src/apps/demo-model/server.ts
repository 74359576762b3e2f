import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApiError, invalidRequest } from './api-error.ts';
import { batches, BatchStore } from './batches.ts';
import { chatCompletions } from './chat-completions.ts';
import { controlApi } from './control-api.ts';
import type { DemoState, Exchange } from './demo-state.ts';
import { embeddings } from './embeddings.ts';
import { EnforcedLimits } from './enforced-limits.ts';
import { files, FileStore, notFound, toList } from './files.ts';
import { findModel, models, toModelResponse } from './models.ts';
import type { DemoModelOptions } from './options.ts';
import { Pacer } from './pacer.ts';
import { RateLimitHeaders } from './rate-limit-headers.ts';
import { sendError, sendJson } from './reply.ts';
import { ScriptQueue } from './script.ts';
import { WitnessLog } from './witness-log.ts';

/** A running demo model. */
export interface RunningDemoModel {
  /** Without path: an OpenAI client's base URL is `${url}/v1`. */
  url: string;
  witness: WitnessLog;
  scripts: ScriptQueue;
  limits: EnforcedLimits;
  /** Cuts what runs, writes the witness file out and frees the port. */
  close(): Promise<void>;
}

/** Starts a demo model server in this process. Rejects when the port cannot be had. */
export async function startDemoModel(options: DemoModelOptions = {}): Promise<RunningDemoModel> {
  const state: DemoState = {
    options,
    pacer: new Pacer(),
    scripts: new ScriptQueue(),
    witness: new WitnessLog({
      entries: options.witnessEntries ?? 200_000,
      file: options.witnessFile,
      bodiesInFile: options.witnessBodies === true,
    }),
    rateLimits: new RateLimitHeaders(),
    limits: new EnforcedLimits(),
    files: new FileStore(),
    batches: new BatchStore(),
    closing: false,
  };
  if (options.limits !== undefined) state.limits.set(options.limits);
  // A reader that does not read costs at most this buffer and the kernel's.
  const server = createServer({ keepAliveTimeout: 75_000, highWaterMark: 16 * 1024 }, (req, res) => void serve(state, req, res));
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen({ port: options.port ?? 0, host, backlog: 4096 }, resolve),
  );
  const { port, address, family } = server.address() as AddressInfo;
  const reachable = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= stop(state, server));
  return { url: `http://${reachable}:${port}`, witness: state.witness, scripts: state.scripts, limits: state.limits, close };
}

async function stop(state: DemoState, server: Server): Promise<void> {
  state.closing = true;
  const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await stopped;
  state.pacer.close();
  await state.witness.close();
}

async function serve(state: DemoState, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const requestId = `req_${randomUUID().replaceAll('-', '')}`;
  res.setHeader('x-request-id', requestId);
  let entry: ReturnType<WitnessLog['open']> | undefined;
  let exchange: Exchange | undefined;
  try {
    exchange = readExchange(req, res, requestId);
    if (exchange.path.startsWith('/demo/')) return await controlApi(state, exchange);
    // Where limits are enforced, only an answer that they were applied to may speak of them.
    const told = state.limits.active ? {} : state.rateLimits.count('', 0);
    for (const [name, value] of Object.entries(told)) res.setHeader(name, value);
    const route = `${req.method} ${exchange.path}`;
    const endpoint = route === 'POST /v1/chat/completions' ? chatCompletions : route === 'POST /v1/embeddings' ? embeddings : undefined;
    if (endpoint !== undefined) {
      entry = state.witness.open({ path: exchange.path, request_id: requestId, key_digest: exchange.keyDigest });
    }
    authenticate(req, state.options.apiKey);
    if (endpoint !== undefined && entry !== undefined) return await endpoint(state, exchange, entry);
    await otherRoutes(state, exchange);
  } catch (error) {
    const status = error instanceof ApiError ? error.status : 500;
    // The entry must say "error" before its connection closes and would make it "aborted".
    if (entry !== undefined) {
      entry.status = status;
      state.witness.finish(entry, res.destroyed ? 'aborted_by_client' : 'error', exchange?.keptBytes);
    }
    sendError(res, error);
  }
}

async function otherRoutes(state: DemoState, exchange: Exchange): Promise<void> {
  const { req, res, path } = exchange;
  if (path === '/v1/files' || path.startsWith('/v1/files/')) return files(state.files, exchange);
  if (path === '/v1/batches' || path.startsWith('/v1/batches/')) return batches(state, exchange);
  if (req.method === 'GET' && path === '/v1/models') return sendJson(res, 200, toList(models.map(toModelResponse) as { id: string }[]));
  if (req.method === 'GET' && path.startsWith('/v1/models/')) {
    return sendJson(res, 200, toModelResponse(findModel(decodeURIComponent(path.slice('/v1/models/'.length)))));
  }
  if (req.method === 'GET' && path === '/') {
    return sendJson(res, 200, { name: "Parley's demo model", openai_base_url: '/v1', health: '/demo/health' });
  }
  throw notFound(`${req.method} ${path}`);
}

function readExchange(req: IncomingMessage, res: ServerResponse, requestId: string): Exchange {
  let url: URL;
  try {
    url = new URL(req.url ?? '/', 'http://demo');
    decodeURIComponent(url.pathname);
  } catch {
    throw invalidRequest('The URL is not valid.');
  }
  let path = url.pathname.replace(/^\/openai\/v1(?=\/)/, '/v1');
  const azure = /^\/openai\/deployments\/([^/]+)(\/.+)$/.exec(path);
  if (azure !== null) {
    if (!url.searchParams.has('api-version')) throw new ApiError(404, '404', 'Resource not found: api-version is missing.');
    path = `/v1${azure[2]}`;
  }
  const key = apiKeyOf(req);
  const keyDigest = key === undefined ? null : createHash('sha256').update(key).digest('hex').slice(0, 12);
  const deployment = azure === null ? undefined : decodeURIComponent(azure[1] ?? '');
  return { req, res, path, query: url.searchParams, requestId, keyDigest, deployment, keptBytes: 0 };
}

function apiKeyOf(req: IncomingMessage): string | undefined {
  const azure = req.headers['api-key'];
  return typeof azure === 'string' ? azure : /^Bearer\s+(\S+)\s*$/i.exec(req.headers.authorization ?? '')?.[1];
}

function authenticate(req: IncomingMessage, expected: string | undefined): void {
  if (expected === undefined) return;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  if (timingSafeEqual(digest(apiKeyOf(req) ?? ''), digest(expected))) return;
  throw new ApiError(401, 'invalid_api_key', 'Incorrect API key provided. The demo model expects the one of DEMO_MODEL_API_KEY.');
}
