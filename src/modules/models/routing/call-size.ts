import type { ModelMessage } from '../model-provider.ts';
import { countTokens, tokensPerMessage } from '../tokens.ts';
import { inputBound, outputOf, roomAfter } from './answer-bounds.ts';
import type { AnswerPlan, PlanRequest } from './answer-plan.ts';
import type { Target } from './target.ts';

/** Bytes of a token in most texts: for an estimate where nobody has counted. */
const bytesPerToken = 4;

/** Part of a provider's limit that is left free: it counts a prompt a little differently from us. */
const limitMargin = 0.05;

/** An answer shorter than this is not asked for, in tokens; the same as near the end of a quota. */
const shortestAnswer = 16;

/** What a call sends and asks for. */
export interface CallSize {
  messages: ModelMessage[];
  /** The prompt with the text that is gone on from, by our count or an estimate. */
  promptTokens: number;
  /** Tokens that the answer may have. */
  maxOutputTokens: number;
}

/** The size of the next call of a target, which goes on from `prefix`. */
export function sizeOf(plan: AnswerPlan, target: Target, request: PlanRequest, prefix: string): CallSize {
  const messages = plan.messagesFor(target);
  const counted = messages === request.messages ? request.inputTokens : undefined;
  const given = prefix === '' ? 0 : countTokens(prefix) + tokensPerMessage;
  return {
    messages,
    promptTokens: (counted ?? Math.ceil(inputBound(messages) / bytesPerToken)) + given,
    maxOutputTokens: outputOf(target, roomAfter(prefix, request.maxOutputTokens)),
  };
}

/**
 * The same call with an answer that fits into what a provider allows in a minute, prompt included: a call that asks for more is refused however
 * long it waits. `most`: tokens; undefined where nobody knows.
 */
export function withinLimit(size: CallSize, most: number | undefined): CallSize {
  if (most === undefined) return size;
  const room = Math.floor(most * (1 - limitMargin)) - size.promptTokens;
  return { ...size, maxOutputTokens: Math.min(size.maxOutputTokens, Math.max(shortestAnswer, room)) };
}
