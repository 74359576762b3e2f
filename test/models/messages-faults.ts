import type { Script } from '../../src/apps/demo-model/script.ts';
import type { Fault } from '../support/hostile-faults.ts';
import { type HostileExchange, type Hostility, wholeTokens } from '../support/hostile-server.ts';
import { dripped } from './more-faults.ts';

/** What can go wrong on Anthropic's wire, which is read by another client and another reader. */

/** Tokens that come before a fault inside an answer. */
const before = 5;

const refusal = (status: number, error_type: string, more: Script = {}): Fault => ({
  name: `${status} ${error_type}${more.message === undefined ? '' : ', too long'}`,
  script: () => ({ status, error_type, ...more }),
});
const during = (name: string, script: Script): Fault => ({ name, script: () => ({ tokens: wholeTokens, ...script }) });
const socket = (name: string, hostility: Hostility): Fault => ({ name, socket: hostility });

/** One event as Anthropic writes it. */
const event = (type: string, fields: object = {}) => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
const start = (promptTokens: number) => event('message_start', { message: { usage: { input_tokens: promptTokens, output_tokens: 1 } } });
const block = (index: number, content_block: object) => event('content_block_start', { index, content_block });
const text = (piece: string) => event('content_block_delta', { index: 1, delta: { type: 'text_delta', text: piece } });
const end = event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: wholeTokens } }) + event('message_stop');

/** The whole answer, as one piece for each token. */
function writeWhole(on: HostileExchange): void {
  on.call.tokensServed += wholeTokens;
  on.write(block(1, { type: 'text', text: '' }));
  for (let at = 0; at < wholeTokens; at += 1) on.write(text(at === 0 ? 't0' : ` t${at}`));
  on.write(end).socket.end();
}

/** Anthropic says no. */
export const messagesRefusals: Fault[] = [
  refusal(429, 'rate_limit_error'),
  { name: '429 rate_limit_error, Retry-After: 3600', script: () => ({ status: 429, error_type: 'rate_limit_error', retry_after: 3_600 }) },
  refusal(400, 'invalid_request_error'),
  refusal(400, 'invalid_request_error', { message: 'prompt is too long: 207791 tokens > 200000 maximum' }),
  refusal(401, 'authentication_error'),
  refusal(402, 'billing_error'),
  refusal(403, 'permission_error'),
  refusal(404, 'not_found_error'),
  refusal(413, 'request_too_large'),
  refusal(500, 'api_error'),
  refusal(504, 'timeout_error'),
  refusal(529, 'overloaded_error'),
  during('201, with an answer', { status: 201 }),
  { name: '302 to elsewhere', script: () => ({ status: 302, headers: { location: '/v1/models' } }) },
];

/** Anthropic breaks off, or takes its time. */
export const messagesSilences: Fault[] = [
  socket('resets the connection instead of an answer', (on) => void on.socket.resetAndDestroy()),
  during('cuts the connection before the first word', { cut_after_tokens: 0 }),
  during('cuts the connection inside an answer', { cut_after_tokens: before }),
  during('cuts the connection after the last word', { cut_after_tokens: wholeTokens }),
  during('sends no headers', { header_delay_ms: 3_000 }),
  during('stalls before the first word', { stall_after_tokens: 0 }),
  during('stalls inside an answer', { stall_after_tokens: before }),
  socket('sends only pings', (on) =>
    on
      .head()
      .write(start(20))
      .every(20, () => on.write(event('ping'))),
  ),
  socket('thinks, with pings, longer than the idle limit, then answers', (on) => {
    let pings = 0;
    on.head().write(start(20) + block(0, { type: 'thinking', thinking: '' }));
    on.every(50, () => {
      pings += 1;
      if (pings < 18) on.write(event('ping'));
      else if (pings === 18) writeWhole(on);
    });
  }),
  during('sends a byte at a time', { drip_bytes: 1 }),
  socket('sends a byte a second', (on) => dripped(on, start(20), 1_000)),
  socket('sends ten bytes a second', (on) => dripped(on, start(20), 100)),
];

/** Anthropic answers wrongly, or miscounts. */
export const messagesAnswers: Fault[] = [
  during('ends without stop reason or message_stop', { end_after_tokens: before }),
  during('gives no stop reason', { finish_reason: null }),
  during('gives a strange stop reason', { finish_reason: 'tool_use' }),
  during('gives "constructor" as stop reason', { finish_reason: 'constructor' }),
  during('refuses to go on', { finish_reason: 'refusal' }),
  during('sends an error event first', { error_event_after_tokens: 0 }),
  during('is overloaded inside an answer', { error_event_after_tokens: before, error_type: 'overloaded_error' }),
  during('sends a rate_limit_error inside an answer', { error_event_after_tokens: before, error_type: 'rate_limit_error' }),
  during('answers 200 with HTML', { content_type: 'text/html' }),
  during('sends a malformed event', { malformed_after_tokens: before }),
  during('ends lines with CRLF', { crlf: true }),
  during('reports no usage', { usage: 'missing' }),
  during('reports a usage of zero', { usage: 'zero' }),
];
