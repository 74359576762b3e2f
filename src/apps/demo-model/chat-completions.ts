import { ApiError } from './api-error.ts';
import { AnswerStream } from './answer-stream.ts';
import { BodyWriter } from './body-writer.ts';
import { planCompletion, readCompletion, usageOf, type CompletionPlan, type ReadCompletion } from './completion-plan.ts';
import type { DemoState, Exchange } from './demo-state.ts';
import type { Cost } from './enforced-limits.ts';
import { findModel } from './models.ts';
import { readJson } from './reply.ts';
import { parseScript, type Script } from './script.ts';
import { Serving } from './serving.ts';
import type { WitnessEntry } from './witness-log.ts';

const htmlPage = '<!doctype html>\n<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>\n';

/** Answers `POST /v1/chat/completions`, streamed or not, as its script says. Throws ApiError while nothing has been sent. */
export async function chatCompletions(state: DemoState, exchange: Exchange, entry: WitnessEntry): Promise<void> {
  const { res } = exchange;
  const { body, bytes } = await readJson(exchange.req);
  if (state.options.witnessBodies !== false) {
    entry.request = body;
    exchange.keptBytes = bytes;
  }
  const serving = new Serving(state, res, entry, exchange.keptBytes);
  const read = readCompletion(body);
  const model = findModel(exchange.deployment ?? read.request.model, 'chat').id;
  witnessRequest(entry, read, model);
  const cost = {
    keyDigest: exchange.keyDigest,
    model,
    promptTokens: read.promptTokens,
    maxTokens: read.request.max_completion_tokens ?? read.request.max_tokens ?? undefined,
  };
  setHeaders(exchange, limitHeaders(state, cost));
  res.once('close', () => state.limits.served(cost, entry.tokens_served));

  const header = exchange.req.headers['x-demo-script'];
  const script = resolveScript(state, read, typeof header === 'string' ? header : undefined);
  entry.script = script;
  setHeaders(exchange, script.headers ?? {});
  await headerDelay(state, serving, script);
  if (serving.done || scriptedStatus(exchange, serving, script)) return;

  const plan = planCompletion(read, model, script);
  witnessPlan(entry, plan);
  serving.pieces = plan.pieces;
  if (script.content_type?.includes('html') === true) sendHtml(exchange, serving, script);
  else if (entry.stream) sendStream(state, serving, plan);
  else sendWhole(state, serving, plan);
}

/** The rate-limit headers of an answer. Throws the 429 of a limit that is enforced. */
export function limitHeaders(state: DemoState, cost: Cost): Record<string, string> {
  return state.limits.active ? state.limits.admit(cost) : state.rateLimits.count(cost.model, cost.promptTokens);
}

/** The script of a chat request: its header, else one that waits in the queue, else a directive in its messages. */
export function resolveScript(state: DemoState, read: ReadCompletion, header?: string): Script {
  if (header !== undefined) return parseScript(header);
  return state.scripts.take('chat', read.lastUser) ?? parseScript(read.directive ?? read.systemDirective ?? {});
}

/** Fills in what a witness entry knows from the request. */
export function witnessRequest(entry: WitnessEntry, read: ReadCompletion, model: string): void {
  entry.model = model;
  entry.user = read.request.user ?? read.request.safety_identifier ?? null;
  entry.messages_digest = read.digest;
  entry.last_user = read.lastUser;
  entry.system = read.system;
  entry.stream = read.request.stream === true;
  entry.prompt_tokens = read.promptTokens;
}

/** Fills in what a witness entry knows once the answer is decided. */
export function witnessPlan(entry: WitnessEntry, plan: CompletionPlan): void {
  entry.id = plan.id;
  entry.tokens_planned = plan.pieces.count;
  entry.continued_prefix = plan.continuedPrefix;
}

/** The body of an answer that is not streamed, cut where the content filter or an early end is scripted. */
export function wholeCompletion(plan: CompletionPlan): { body: Record<string, unknown>; tokens: number; finishReason: string | null } {
  const { script, pieces } = plan;
  const end = Math.min(script.content_filter_after_tokens ?? Infinity, script.end_after_tokens ?? Infinity);
  const tokens = Math.min(pieces.count, end);
  const filtered = script.content_filter_after_tokens === tokens;
  const finishReason = filtered ? 'content_filter' : script.end_after_tokens === tokens ? null : plan.finishReason;
  const usage = usageOf(plan, tokens);
  const message = { role: 'assistant', content: pieces.text(tokens), refusal: null };
  const body = {
    id: plan.id,
    object: 'chat.completion',
    created: plan.created,
    model: plan.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason }],
    ...(usage === null ? {} : { usage }),
    system_fingerprint: 'fp_demo',
  };
  return { body, tokens, finishReason };
}

/** The error that a script's `status` asks for. */
export function scriptedError(script: Script): ApiError {
  const status = script.status ?? 500;
  const code = script.error_code === undefined ? (status === 429 ? 'rate_limit_exceeded' : null) : script.error_code;
  const headers: Record<string, string> = {};
  if (script.retry_after !== undefined) headers['retry-after'] = String(script.retry_after);
  if (script.retry_after_ms !== undefined) headers['retry-after-ms'] = String(script.retry_after_ms);
  const type = script.error_type === undefined ? {} : { type: script.error_type };
  return new ApiError(status, code, script.message ?? `The demo model was told to answer ${status}.`, { ...type, headers });
}

/** Waits as long as the script delays the head of the response, or until the client goes away. */
export function headerDelay(state: DemoState, serving: Serving, script: Script): Promise<void> {
  if (script.header_delay_ms === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = state.pacer.after(script.header_delay_ms ?? 0, resolve);
    serving.onDone = () => {
      timer.done = true;
      resolve();
    };
  });
}

/** Answers with the scripted status where that is no success: 4xx and 5xx as an error, 3xx without a body. Gives whether it did. */
export function scriptedStatus(exchange: Exchange, serving: Serving, script: Script): boolean {
  const status = script.status ?? 200;
  if (status >= 400) throw scriptedError(script);
  if (status >= 300) {
    serving.entry.status = status;
    serving.intended = 'complete';
    exchange.res.writeHead(status, { 'content-length': 0 }).end();
    return true;
  }
  serving.entry.status = status;
  return false;
}

function setHeaders(exchange: Exchange, headers: Record<string, string>): void {
  for (const [name, value] of Object.entries(headers)) exchange.res.setHeader(name, value);
}

function sendHtml({ res }: Exchange, serving: Serving, script: Script): void {
  serving.intended = 'complete';
  serving.entry.tokens_planned = 0;
  res.writeHead(script.status ?? 200, { 'content-type': script.content_type }).end(htmlPage);
}

function sendStream(state: DemoState, serving: Serving, plan: CompletionPlan): void {
  serving.res.writeHead(plan.script.status ?? 200, {
    'content-type': plan.script.content_type ?? 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
  });
  serving.res.flushHeaders();
  const { tokensPerSecond = 60, firstTokenMs = 120 } = state.options;
  new AnswerStream(plan, serving, state.pacer, { tokensPerSecond, firstTokenMs }).start();
}

/** Sends the answer in one piece when its last token would have come; of a cut, stalled or malformed one only the first half. */
function sendWhole(state: DemoState, serving: Serving, plan: CompletionPlan): void {
  const { script } = plan;
  const { res, entry } = serving;
  if (script.error_event_after_tokens !== undefined) throw scriptedError({ ...script, status: 500 });
  const { body, tokens, finishReason } = wholeCompletion(plan);
  const { tokensPerSecond = 60, firstTokenMs = 120 } = state.options;
  const rate = script.tokens_per_second ?? tokensPerSecond;
  const wait = state.pacer.after((script.first_token_ms ?? firstTokenMs) + (rate === 0 ? 0 : (tokens * 1000) / rate), () => {
    const text = JSON.stringify(body);
    const half = text.slice(0, text.length / 2);
    const writer = new BodyWriter(res, state.pacer, script.drip_bytes);
    res.writeHead(script.status ?? 200, { 'content-type': script.content_type ?? 'application/json' });
    const finish = () => {
      serving.intended = 'complete';
      serving.served(tokens);
      entry.finish_reason = finishReason;
      entry.usage_reported = body['usage'] ?? null;
      writer.end();
    };
    if (script.cut_after_tokens !== undefined) {
      serving.intended = 'cut';
      writer.write(half);
      writer.whenFlushed(() => res.destroy());
    } else if (script.stall_after_tokens !== undefined) {
      serving.intended = 'stalled';
      writer.write(half);
      if (script.stall_ms !== undefined) {
        state.pacer.after(script.stall_ms, () => {
          if (serving.done) return;
          writer.write(text.slice(half.length));
          finish();
        });
      }
    } else {
      writer.write(script.malformed_after_tokens === undefined ? text : half);
      finish();
    }
  });
  serving.onDone = () => (wait.done = true);
}
