import type { ModelMessage } from '../model-provider.ts';
import { countTokens, tokensPerMessage } from '../tokens.ts';
import { outputOf, roomAfter } from './answer-bounds.ts';
import type { AnswerPlan, PlanRequest } from './answer-plan.ts';
import type { Target } from './target.ts';
import { promptTokens } from './trim-history.ts';

/** Part of a provider's limit that is left free: it counts a prompt a little differently from us. */
const limitMargin = 0.05;

/**
 * Room for an answer that is of use, in tokens: a quarter of what was asked for, within these bounds. Whoever has less would only get
 * a beginning.
 */
const leastUseful = 256;
const mostUseful = 1_024;
const usefulPart = 0.25;

/** What a call sends and asks for. */
export interface CallSize {
  messages: ModelMessage[];
  /** The prompt with the text that is gone on from, by our count. */
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
    promptTokens: (counted ?? promptTokens(messages)) + given,
    maxOutputTokens: outputOf(target, roomAfter(prefix, request.maxOutputTokens)),
  };
}

/**
 * The same call with an answer that fits into what a provider allows in a minute, prompt included: a call that asks for more is refused however
 * long it waits. Where the prompt leaves no useful room the call stays as it is: it goes when all of the limit is free, and the provider
 * decides. `most`: tokens; undefined where nobody knows.
 */
export function withinLimit(size: CallSize, most: number | undefined): CallSize {
  if (most === undefined) return size;
  const room = Math.floor(most * (1 - limitMargin)) - size.promptTokens;
  const useful = Math.max(leastUseful, Math.min(mostUseful, size.maxOutputTokens * usefulPart));
  return room < useful ? size : { ...size, maxOutputTokens: Math.min(size.maxOutputTokens, room) };
}
