import type { Readable } from 'node:stream';
import { type AnswerLimits, type AnswerSink, readAnswer, tokenCount } from '../answer-reader.ts';
import { ModelError, type ModelResult, type ModelUsage } from '../model-provider.ts';
import { failureOf, refusesModel } from './openai-errors.ts';

/** What we read of a chat completion chunk. Whoever sends it may send anything else. */
interface CompletionChunk {
  choices?: {
    index?: number;
    /** `reasoning_content` and `reasoning` are what vLLM, DeepSeek and Ollama call thoughts. */
    delta?: { content?: unknown; reasoning_content?: unknown; reasoning?: unknown };
    finish_reason?: unknown;
  }[];
  usage?: { prompt_tokens?: unknown; completion_tokens?: unknown } | null;
  error?: { code?: unknown; message?: unknown } | null;
}

const finishReasons = new Map<string, ModelResult['finishReason']>([
  ['stop', 'stop'],
  ['length', 'length'],
  ['content_filter', 'content_filter'],
]);

/** Reads the event stream of a chat completion; see `readAnswer`. */
export function readCompletionStream(body: Readable, onText: (text: string) => void, limits: AnswerLimits): Promise<ModelResult> {
  return readAnswer(body, onText, limits, onChunk);
}

function onChunk(chunk: CompletionChunk, answer: AnswerSink): void {
  if (chunk.error) return answer.fail(new ModelError(failureOf(chunk.error), { ofTarget: refusesModel(chunk.error) }));
  const choice = chunk.choices?.[0];
  // Only one choice was asked for: another one's text is not part of the answer.
  if (choice !== undefined && (choice.index ?? 0) === 0) onChoice(choice, answer);
  if (chunk.usage) answer.usage(usageOf(chunk.usage));
}

function onChoice({ delta, finish_reason: reason }: NonNullable<CompletionChunk['choices']>[number], answer: AnswerSink): void {
  const text = delta?.content;
  if (typeof text === 'string' && text !== '') {
    // What was counted before this text does not cover it.
    answer.usage(undefined);
    answer.text(text);
  } else if (text !== undefined && text !== null && text !== '') {
    // Text in a form that we cannot read: to leave it out would make a hole.
    return answer.fail(new ModelError('bad_response'));
  } else if (hasText(delta?.reasoning_content) || hasText(delta?.reasoning)) answer.alive();
  if (typeof reason !== 'string') return;
  const known = finishReasons.get(reason);
  if (known === undefined) answer.fail(new ModelError('bad_response'));
  else answer.finish(known);
}

function hasText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function usageOf(usage: NonNullable<CompletionChunk['usage']>): ModelUsage | undefined {
  const inputTokens = tokenCount(usage.prompt_tokens);
  const outputTokens = tokenCount(usage.completion_tokens);
  return inputTokens === undefined || outputTokens === undefined ? undefined : { inputTokens, outputTokens };
}
