import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseScript, type Script, takeDirectives } from '../../src/apps/demo-model/script.ts';
import { countTokens, numberedPieces, type Pieces, piecesOf } from '../../src/apps/demo-model/tokens.ts';

/** What the server saw and did for one request. */
export interface SeenMessage {
  headers: IncomingMessage['headers'];
  body: MessagesBody;
  inputTokens: number;
  tokensServed: number;
  status: number;
  /** `aborted_by_client`: the client closed the connection before the answer was whole. */
  outcome: 'running' | 'complete' | 'faulty' | 'aborted_by_client';
}

interface MessagesBody {
  model?: string;
  max_tokens?: number;
  stream?: boolean;
  system?: string;
  temperature?: number;
  top_p?: number;
  metadata?: { user_id?: string };
  messages?: { role: string; content: string }[];
}

/**
 * A small server that speaks Anthropic's Messages API as a stream, refuses what that API refuses, and does what a `[[demo: {…}]]`
 * directive in the last message of the user tells it: the demo model's fields `text`, `tokens`, `tokens_per_second`, `finish_reason`
 * (a stop reason), `status` with `error_type`, `message` and `retry_after`, `header_delay_ms`, `content_type`, `usage`, `drip_bytes`,
 * `crlf`, and `cut`, `end`, `stall`, `malformed`, `error_event` with `_after_tokens`. Models named `*-unfilled` refuse to go on from
 * a text.
 */
export class MessagesServer {
  readonly seen: SeenMessage[] = [];
  private readonly server = createServer((req, res) => void this.serve(req, res));

  private constructor(private readonly apiKey: string) {}

  /** Starts one on a free port that takes only `apiKey`. */
  static async start(apiKey: string): Promise<MessagesServer> {
    const server = new MessagesServer(apiKey);
    await new Promise<void>((resolve) => server.server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Requests that have not ended. */
  get active(): number {
    return this.seen.filter(({ outcome }) => outcome === 'running').length;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    await closed;
  }

  private async serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    res.on('error', () => undefined);
    let text = '';
    for await (const part of req.setEncoding('utf8') as AsyncIterable<string>) text += part;
    const body = JSON.parse(text) as MessagesBody;
    const seen: SeenMessage = { headers: req.headers, body, inputTokens: 0, tokensServed: 0, status: 200, outcome: 'running' };
    this.seen.push(seen);
    res.once('close', () => {
      if (seen.outcome === 'running') seen.outcome = 'aborted_by_client';
    });
    const refusal =
      req.headers.authorization === `Bearer ${this.apiKey}`
        ? refusalOf(req, body)
        : ([401, 'authentication_error', 'invalid API key'] as const);
    if (refusal !== undefined) return refuse(res, seen, ...refusal);
    const script = scriptOf(body);
    if (script.header_delay_ms !== undefined) await sleep(script.header_delay_ms);
    if (script.status !== undefined && script.status >= 300) {
      for (const [name, value] of Object.entries(script.headers ?? {})) res.setHeader(name, value);
      if (script.retry_after !== undefined) res.setHeader('retry-after', String(script.retry_after));
      return refuse(res, seen, script.status, script.error_type ?? 'api_error', script.message ?? 'Scripted.');
    }
    seen.inputTokens = (body.messages ?? []).reduce((sum, { content }) => sum + countTokens(content) + 4, countTokens(body.system ?? ''));
    res.writeHead(script.status ?? 200, { 'content-type': script.content_type ?? 'text/event-stream; charset=utf-8' }).flushHeaders();
    await new MessageWriter(res, script, seen).write();
  }
}

type Refusal = readonly [status: number, type: string, message: string];

function refusalOf(req: IncomingMessage, body: MessagesBody): Refusal | undefined {
  const wrong = (message: string): Refusal => [400, 'invalid_request_error', message];
  const { messages = [], model = '' } = body;
  if (req.url !== '/v1/messages') return [404, 'not_found_error', 'Not found'];
  if (typeof req.headers['anthropic-version'] !== 'string') return wrong('anthropic-version: header is required');
  if (body.stream !== true || !Number.isInteger(body.max_tokens)) return wrong('max_tokens: Field required');
  if (messages[0]?.role !== 'user') return wrong('messages: first message must use the "user" role');
  if (messages.some(({ role }) => role !== 'user' && role !== 'assistant')) return wrong('messages: Unexpected role');
  if (messages.some(({ content }) => content.trim() === '')) return wrong('messages: text content blocks must contain non-whitespace text');
  // As of version 2026-10-21, which is the one that the client sends.
  if ((body.temperature ?? body.top_p) !== undefined) return wrong('temperature: Extra inputs are not permitted');
  const last = messages.at(-1);
  if (last?.role !== 'assistant') return undefined;
  if (model.endsWith('-unfilled')) return wrong('This model does not support assistant message prefill.');
  if (last.content !== last.content.trimEnd()) return wrong('messages: final assistant content cannot end with trailing whitespace');
  return undefined;
}

function refuse(res: ServerResponse, seen: SeenMessage, status: number, type: string, message: string): void {
  seen.status = status;
  seen.outcome = 'complete';
  const body = JSON.stringify({ type: 'error', error: { type, message }, request_id: 'req_test' });
  res.writeHead(status, { 'content-type': 'application/json' }).end(body);
}

function scriptOf({ messages = [] }: MessagesBody): Script {
  const asked = messages.findLast(({ role }) => role === 'user')?.content ?? '';
  return parseScript(takeDirectives(asked).directives.at(-1) ?? '{"text":"Hello there."}');
}

/** Writes one message as events, with what its script does to it. */
class MessageWriter {
  private readonly eol: string;
  private readonly pieces: Pieces;

  constructor(
    private readonly res: ServerResponse,
    private readonly script: Script,
    private readonly seen: SeenMessage,
  ) {
    this.eol = script.crlf === true ? '\r\n' : '\n';
    const whole = script.text === undefined ? numberedPieces(script.tokens ?? 5) : piecesOf(script.text);
    const last = seen.body.messages?.at(-1);
    const text = whole.text(whole.count);
    const given = last?.role === 'assistant' && text.startsWith(last.content) ? last.content.length : 0;
    this.pieces = given === 0 ? whole : piecesOf(text.slice(given));
  }

  async write(): Promise<void> {
    const { script, seen } = this;
    const usage = { input_tokens: script.usage === 'zero' ? 0 : seen.inputTokens, output_tokens: 1 };
    await this.event({ type: 'message_start', message: { id: 'msg_1', role: 'assistant', content: [], stop_reason: null, usage } });
    await this.event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } });
    await this.event({ type: 'ping' });
    const count = Math.min(this.pieces.count, seen.body.max_tokens ?? 0);
    for (let at = 0; at <= count; at += 1) {
      if (this.res.destroyed) return;
      if (await this.faultAt(at)) return;
      if (at === count) break;
      seen.tokensServed += 1;
      await this.event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: this.pieces.at(at) } });
      if (script.tokens_per_second !== undefined) await sleep(1_000 / script.tokens_per_second);
    }
    await this.event({ type: 'content_block_stop', index: 0 });
    const natural = count < this.pieces.count ? 'max_tokens' : 'end_turn';
    const stop_reason = script.finish_reason === undefined ? natural : script.finish_reason;
    const counted = script.usage === 'missing' ? {} : { usage: { output_tokens: script.usage === 'zero' ? 0 : seen.tokensServed } };
    await this.event({ type: 'message_delta', delta: { stop_reason, stop_sequence: null }, ...counted });
    await this.event({ type: 'message_stop' });
    seen.outcome = 'complete';
    this.res.end();
  }

  /** Does what is scripted for this place; true when the answer is over. */
  private async faultAt(at: number): Promise<boolean> {
    const { script, seen, res } = this;
    if (script.malformed_after_tokens === at) await this.raw(`event: content_block_delta\ndata: {"type":"content_bl\n\n`);
    if (script.stall_after_tokens === at) return true;
    const error = script.error_event_after_tokens === at;
    if (error)
      await this.event({ type: 'error', error: { type: script.error_type ?? 'api_error', message: script.message ?? 'Scripted.' } });
    if (!error && script.cut_after_tokens !== at && script.end_after_tokens !== at) return false;
    seen.outcome = 'faulty';
    if (script.cut_after_tokens === at) res.destroy();
    else res.end();
    return true;
  }

  private event(event: { type: string; [field: string]: unknown }): Promise<void> {
    return this.raw(`event: ${event.type}${this.eol}data: ${JSON.stringify(event)}${this.eol}${this.eol}`);
  }

  private async raw(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    const step = this.script.drip_bytes ?? bytes.length;
    for (let at = 0; at < bytes.length; at += step) {
      this.res.write(bytes.subarray(at, at + step));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
