import { gzipSync } from 'node:zlib';
import type { Script } from '../../src/apps/demo-model/script.ts';
import { type Hostility, wholeTokens } from './hostile-server.ts';

/** Tokens that come before a fault inside an answer. */
const before = 5;

/** One way in which a provider misbehaves: as a script of the demo model, or on the bare socket. */
export interface Fault {
  /** "The provider …" */
  name: string;
  /** Made anew for each call, since some hold a time. */
  script?: () => Script;
  socket?: Hostility;
  /** How much gets through depends on the clock: the page does not say how much. */
  byClock?: true;
}

const whole = { tokens: wholeTokens };
const refusal = (name: string, script: Script): Fault => ({ name, script: () => script });
const during = (name: string, script: Script): Fault => ({ name, script: () => ({ ...whole, ...script }) });
const socket = (name: string, hostility: Hostility): Fault => ({ name, socket: hostility });
const after = (seconds: number) => new Date(Date.now() + seconds * 1_000).toUTCString();

/**
 * Calls back when the client, which shares our loop, has had turns enough to read what was written: a reset takes away what was
 * not read.
 */
function onceRead(then: () => void, turns = 4): void {
  if (turns === 0) then();
  else setTimeout(() => onceRead(then, turns - 1), 5);
}

/** A provider that says no. */
export const refusals: Fault[] = [
  refusal('refuses with 429', { status: 429 }),
  refusal('429, Retry-After: 0', { status: 429, retry_after: 0 }),
  refusal('429, Retry-After: 0.3', { status: 429, retry_after: '0.3' }),
  { name: '429, Retry-After: a date a second ahead', script: () => ({ status: 429, retry_after: after(1) }) },
  { name: '429, Retry-After: a date an hour ahead', script: () => ({ status: 429, retry_after: after(3_600) }) },
  refusal('429, Retry-After: a date long past', { status: 429, retry_after: 'Thu, 01 Jan 1970 00:00:00 GMT' }),
  refusal('429, Retry-After: 3600', { status: 429, retry_after: 3_600 }),
  refusal('429, Retry-After: -5', { status: 429, retry_after: -5 }),
  refusal('429, Retry-After: soon', { status: 429, retry_after: 'soon' }),
  refusal('429, Retry-After: later 2099', { status: 429, retry_after: 'later 2099' }),
  refusal('429, retry-after-ms: 150', { status: 429, retry_after_ms: 150 }),
  refusal('429, retry-after-ms: 9999999', { status: 429, retry_after_ms: 9_999_999 }),
  refusal('429, retry-after-ms: soon', { status: 429, retry_after_ms: 'soon' }),
  refusal('429, no money left', { status: 429, error_code: 'insufficient_quota' }),
  refusal('400', { status: 400 }),
  refusal('400, the prompt is too long', { status: 400, error_code: 'context_length_exceeded' }),
  refusal("400, the prompt is too long, in vLLM's words", { status: 400, message: "This model's maximum context length is 4096 tokens." }),
  refusal('400, content filter', { status: 400, error_code: 'content_filter' }),
  refusal('401', { status: 401 }),
  refusal('403', { status: 403 }),
  refusal('404', { status: 404 }),
  refusal('408', { status: 408 }),
  refusal('500', { status: 500 }),
  refusal('502', { status: 502 }),
  refusal('503', { status: 503 }),
  refusal('504', { status: 504 }),
  refusal('529', { status: 529 }),
  refusal('302 to elsewhere', { status: 302, headers: { location: '/v1/models' } }),
  during('201, with an answer', { status: 201 }),
  socket('204', (on) => void on.head(204).socket.end()),
  socket('500, whose body never ends', (on) => on.head(500).every(20, () => on.write('x'))),
  socket('500, with 10 MB of body', (on) => void on.head(500).write(Buffer.alloc(10_000_000, 120)).socket.end()),
];

/** A provider that breaks the connection, or HTTP. */
export const connections: Fault[] = [
  socket('resets the connection instead of an answer', (on) => void on.socket.resetAndDestroy()),
  socket('closes the connection instead of an answer', (on) => void on.socket.end()),
  socket('answers what is not HTTP', (on) => void on.write('SSH-2.0-OpenSSH_9.2\r\n').socket.end()),
  socket('sends 40 kB of headers', (on) => void on.head(200, { 'x-long': 'x'.repeat(40_000) }).socket.end()),
  socket('sends headers for ever', (on) => on.write('HTTP/1.1 200 OK\r\n').every(20, () => on.write('x: y\r\n'))),
  socket(
    'ends before the length that it announced',
    (on) => void on.head(200, { 'content-length': '99999' }).tokens(0, before).socket.end(),
  ),
  socket('resets the connection inside an answer', (on) => {
    on.head().tokens(0, before);
    onceRead(() => on.socket.resetAndDestroy());
  }),
  during('cuts the connection before the first word', { cut_after_tokens: 0 }),
  during('cuts the connection inside an answer', { cut_after_tokens: before }),
  during('cuts the connection after the last word', { cut_after_tokens: wholeTokens }),
  socket('cuts the connection after the finish reason', (on) => {
    on.head().tokens(0, wholeTokens).finish('stop');
    onceRead(() => on.socket.resetAndDestroy());
  }),
];

/** A provider that takes its time. */
export const silences: Fault[] = [
  during('sends its headers late, within the limit', { header_delay_ms: 200 }),
  during('sends no headers', { header_delay_ms: 3_000 }),
  during('stalls before the first word', { stall_after_tokens: 0 }),
  during('stalls inside an answer', { stall_after_tokens: before }),
  during('stalls after the last word', { stall_after_tokens: wholeTokens }),
  socket('sends only comments', (on) => on.head().every(20, () => on.write(': ping\n\n'))),
  socket('sends only empty events', (on) => on.head().every(20, () => on.event({ choices: [{ index: 0, delta: { content: '' } }] }))),
  socket('thinks aloud longer than the idle limit, then answers', (on) => {
    let thoughts = 0;
    on.head().every(50, () => {
      thoughts += 1;
      if (thoughts < 18) on.event({ choices: [{ index: 0, delta: { reasoning_content: 'hm' } }] });
      else if (thoughts === 18) on.tokens(0, wholeTokens).finish('stop').usage(20, wholeTokens).done();
    });
  }),
  during('sends a byte at a time', { drip_bytes: 1 }),
  {
    name: 'drips words until the deadline',
    byClock: true,
    socket: (on) => {
      let at = 0;
      on.head().every(200, () => on.tokens(at, (at += 1)));
    },
  },
];

/** A provider whose answer is not what it should be. */
export const answers: Fault[] = [
  during('ends without finish reason or [DONE]', { end_after_tokens: before }),
  during('ends with [DONE], but no finish reason', { finish_reason: null }),
  during('names a strange finish reason', { finish_reason: 'tool_calls' }),
  during('names "constructor" as finish reason', { finish_reason: 'constructor' }),
  during('sends no [DONE]', { no_done: true }),
  during('sends an error event first', { error_event_after_tokens: 0 }),
  during('sends an error event inside an answer', { error_event_after_tokens: before }),
  during('sends an error event that says 429', { error_event_after_tokens: before, error_code: '429' }),
  during('filters the rest of an answer', { content_filter_after_tokens: before }),
  during('answers 200 with HTML', { content_type: 'text/html' }),
  during('answers 200 with JSON', { content_type: 'application/json' }),
  socket('answers 200 with nothing', (on) => void on.head().socket.end()),
  socket('compresses what nobody asked it to', (on) => {
    on.head(200, { 'content-encoding': 'gzip' }).write(gzipSync('data: {"choices":[{"delta":{"content":"t0"}}]}\n\n'));
    on.socket.end();
  }),
  during('sends a malformed event', { malformed_after_tokens: before }),
  socket('sends an event that is no object', (on) =>
    on.head().tokens(0, before).write('data: null\n\n').tokens(before, wholeTokens).finish('stop').done(),
  ),
  socket('sends choices of null', (on) =>
    on
      .head()
      .tokens(0, before)
      .event({ choices: [null] })
      .finish('stop')
      .done(),
  ),
  socket('sends text as a list of parts', (on) =>
    on
      .head()
      .tokens(0, before)
      .text([{ type: 'text', text: ' t5' }])
      .finish('stop')
      .done(),
  ),
  socket('sends text of another choice', (on) => {
    on.head()
      .tokens(0, before)
      .event({ choices: [{ index: 1, delta: { content: 'foreign' }, finish_reason: 'stop' }] });
    on.tokens(before, wholeTokens).finish('stop').usage(20, wholeTokens).done();
  }),
  during('sends an event of 10 MB', { huge_event_bytes: 10_000_000 }),
  socket('sends a line that never ends', (on) =>
    on
      .head()
      .tokens(0, before)
      .write(`data: "${'x'.repeat(1_500_000)}`)
      .every(5, () => on.write('x')),
  ),
  socket('sends bytes that are no UTF-8', (on) => {
    on.head()
      .tokens(0, before)
      .write(Buffer.from([0x64, 0x61, 0x74, 0x61, 0x3a, 0x20, 0xff, 0xfe, 0x0a, 0x0a]));
    on.socket.end();
  }),
  socket('parts characters and events anywhere', (on) => {
    const lines = Array.from({ length: wholeTokens }, (_, at) =>
      JSON.stringify({ choices: [{ delta: { content: at === 0 ? 't0' : ` t${at}` } }] }),
    );
    const bytes = Buffer.from(
      `${lines.map((line) => `:🙂\ndata: ${line}\n\n`).join('')}data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n`,
    );
    on.call.tokensServed = wholeTokens;
    let at = 0;
    on.head().every(1, () => {
      if (at < bytes.length) on.write(bytes.subarray(at, (at += 37)));
      else on.socket.end();
    });
  }),
  during('ends lines with CRLF', { crlf: true }),
  socket('ends lines with CR', (on) => {
    const events = Array.from(
      { length: wholeTokens },
      (_, at) => `data: {"choices":[{"delta":{"content":"${at === 0 ? 't0' : ` t${at}`}"}}]}\r\r`,
    );
    on.call.tokensServed = wholeTokens;
    on.head()
      .write(`${events.join('')}data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\r\rdata: [DONE]\r\r`)
      .socket.end();
  }),
  during('sends comments between events', { comments: true }),
];

/** A provider that does not say what it served, or lies. */
export const counts: Fault[] = [
  during('reports usage after the finish reason', { usage: 'late' }),
  during('reports no usage', { usage: 'missing' }),
  during('reports a usage of zero', { usage: 'zero' }),
  socket('reports usage too late', (on) => {
    on.head().tokens(0, wholeTokens).finish('stop');
    setTimeout(() => on.usage(20, wholeTokens).done(), 900);
  }),
  socket('reports a negative usage', (on) => on.head().tokens(0, wholeTokens).finish('stop').usage(-20, -30).done()),
  socket('reports usage in words', (on) => on.head().tokens(0, wholeTokens).finish('stop').usage('20', 'many').done()),
  socket('reports usage before the last text', (on) =>
    on.head().tokens(0, before).usage(20, before).tokens(before, wholeTokens).finish('stop').done(),
  ),
];
