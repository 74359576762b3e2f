import type { Readable } from 'node:stream';
import { type AnswerLimits, type AnswerSink, readAnswer, tokenCount } from '../answer-reader.ts';
import { ModelError, type ModelResult, type ModelUsage } from '../model-provider.ts';
import { failureOf, refusesModel } from './anthropic-errors.ts';

/** Counts of an event; each is cumulative, and absent or null where it has not changed. */
interface WireUsage {
  input_tokens?: unknown;
  cache_creation_input_tokens?: unknown;
  cache_read_input_tokens?: unknown;
  output_tokens?: unknown;
}

/** What we read of an event. Whoever sends it may send anything else. */
interface MessageEvent {
  type?: unknown;
  message?: { usage?: WireUsage | null };
  content_block?: { type?: unknown; text?: unknown };
  delta?: { type?: unknown; text?: unknown; stop_reason?: unknown };
  usage?: WireUsage | null;
  error?: { type?: unknown; message?: unknown };
}

const finishReasons = new Map<unknown, ModelResult['finishReason']>([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['refusal', 'content_filter'],
]);

/** Reads the event stream of a message; see `readAnswer`. The stop reason counts: what ends without one is truncated. */
export function readMessageStream(body: Readable, onText: (text: string) => void, limits: AnswerLimits): Promise<ModelResult> {
  // Input is counted in the first event, output in the last ones.
  let counted: WireUsage = {};
  let thinking = false;
  return readAnswer(body, onText, limits, (event: MessageEvent, answer) => {
    switch (event.type) {
      case 'message_start':
        counted = { ...event.message?.usage, output_tokens: undefined };
        return;
      case 'content_block_start':
        thinking = event.content_block?.type !== 'text';
        return onBlock(event.content_block, answer);
      case 'content_block_delta':
        return onDelta(event.delta, answer);
      case 'message_delta':
        counted = merged(counted, event.usage ?? {});
        answer.usage(usageOf(counted));
        return onStop(event.delta?.stop_reason, answer);
      case 'message_stop':
        return answer.end();
      case 'ping':
        // Thoughts that are not shown leave nothing else to see for a while.
        return thinking ? answer.alive() : undefined;
      case 'error':
        return answer.fail(new ModelError(failureOf(event.error ?? {}), { ofTarget: refusesModel(event.error ?? {}) }));
      default:
        // Ends of blocks, and events that are yet to be invented: the API's versioning says to pass over them.
        return undefined;
    }
  });
}

function onBlock(block: MessageEvent['content_block'], answer: AnswerSink): void {
  if (block?.type === 'text' && typeof block.text === 'string') answer.text(block.text);
  else answer.alive();
}

function onDelta(delta: MessageEvent['delta'], answer: AnswerSink): void {
  // Thoughts and signatures are work on the answer, but none of its text.
  if (delta?.type !== 'text_delta') return answer.alive();
  if (typeof delta.text === 'string') return answer.text(delta.text);
  answer.fail(new ModelError('bad_response'));
}

function onStop(reason: unknown, answer: AnswerSink): void {
  if (reason === undefined || reason === null) return;
  const known = finishReasons.get(reason);
  if (known === undefined) answer.fail(new ModelError('bad_response'));
  else answer.finish(known);
}

function merged(before: WireUsage, later: WireUsage): WireUsage {
  const said = Object.entries(later).filter(([, value]) => value !== null && value !== undefined);
  return { ...before, ...Object.fromEntries(said) };
}

/** Input that was read from a cache or written to it is input all the same. */
function usageOf(usage: WireUsage): ModelUsage | undefined {
  const inputTokens = tokenCount(usage.input_tokens);
  const outputTokens = tokenCount(usage.output_tokens);
  if (inputTokens === undefined || outputTokens === undefined) return undefined;
  const written = tokenCount(usage.cache_creation_input_tokens) ?? 0;
  const read = tokenCount(usage.cache_read_input_tokens) ?? 0;
  return { inputTokens: inputTokens + written + read, outputTokens };
}
