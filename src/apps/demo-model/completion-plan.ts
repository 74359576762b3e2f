import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { answer } from './answer.ts';
import { ApiError, invalidRequest } from './api-error.ts';
import { countPromptTokens, readMessage, WireMessage, type ChatMessage } from './messages.ts';
import { findModel } from './models.ts';
import { takeScript, type Script } from './script.ts';
import { limitPieces, numberedPieces, piecesOf, type Pieces } from './tokens.ts';

const CompletionRequest = z.looseObject({
  model: z.string(),
  messages: z.array(WireMessage).min(1).max(10_000),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(4)]).nullish(),
  n: z.literal(1, 'this server makes one choice').nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  user: z.string().nullish(),
  safety_identifier: z.string().nullish(),
  continue_final_message: z.boolean().nullish(),
  add_generation_prompt: z.boolean().nullish(),
});
export type CompletionRequest = z.infer<typeof CompletionRequest>;

/** A request that is understood, before anything was decided about its answer. */
export interface ReadCompletion {
  request: CompletionRequest;
  /** Without directives, and without a final assistant message that is to be continued. */
  messages: ChatMessage[];
  /** The text that the answer is to continue. */
  prefix: string | null;
  /** As received, with directives. */
  lastUser: string;
  system: string;
  directive: string | undefined;
  systemDirective: string | undefined;
  digest: string;
  promptTokens: number;
}

/** What is going to be answered. */
export interface CompletionPlan {
  id: string;
  created: number;
  model: string;
  pieces: Pieces;
  finishReason: string | null;
  promptTokens: number;
  continuedPrefix: 'matched' | 'diverged' | null;
  script: Script;
  includeUsage: boolean;
}

/** Validates the body of a chat completion. Throws ApiError. */
export function readCompletion(body: unknown): ReadCompletion {
  const parsed = CompletionRequest.safeParse(body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const param = issue?.path.join('.') ?? null;
    throw invalidRequest(`Invalid value for '${param}': ${issue?.message}.`, param, 'invalid_value');
  }
  const request = parsed.data;
  const received = request.messages.map(readMessage);
  const taken = takeScript(received);
  const promptTokens = countPromptTokens(taken.messages);
  let prefix: string | null = null;
  if (request.continue_final_message === true) {
    if (request.add_generation_prompt !== false) {
      throw invalidRequest('continue_final_message needs add_generation_prompt: false.', 'continue_final_message');
    }
    const last = taken.messages.pop();
    if (last?.role !== 'assistant')
      throw invalidRequest('continue_final_message needs a final assistant message.', 'continue_final_message');
    prefix = last.text;
  }
  return {
    request,
    messages: taken.messages,
    prefix,
    lastUser: received.findLast((message) => message.role === 'user')?.text ?? '',
    system: received
      .filter((message) => message.role === 'system')
      .map((message) => message.text)
      .join('\n'),
    directive: taken.user,
    systemDirective: taken.system,
    digest: createHash('sha256').update(JSON.stringify(request.messages)).digest('hex').slice(0, 16),
    promptTokens,
  };
}

/** Decides the whole answer. `model` is the one to play (Azure names it in the path). Throws ApiError. */
export function planCompletion(read: ReadCompletion, model: string, script: Script): CompletionPlan {
  const { request, promptTokens } = read;
  const { window } = findModel(model, 'chat');
  const limit = request.max_completion_tokens ?? request.max_tokens ?? undefined;
  if (promptTokens + (limit ?? 1) > window) {
    throw new ApiError(
      400,
      'context_length_exceeded',
      `This model's maximum context length is ${window} tokens. However, you requested ${promptTokens + (limit ?? 1)} tokens ` +
        `(${promptTokens} in the messages, ${limit ?? 1} in the completion). Please reduce the length of the messages or completion.`,
      { param: 'messages' },
    );
  }
  const whole = wholeAnswer(read, script);
  const { pieces: rest, continuedPrefix } = continueAfter(whole, read.prefix);
  const stopped = stopAt(rest, request.stop ?? []);
  // A scripted answer may be longer than the window: the script wins, but not over the caller's own limit.
  const scripted = script.text !== undefined || script.tokens !== undefined;
  const pieces = limitPieces(stopped, limit ?? (scripted ? Infinity : window - promptTokens));
  const natural = pieces.count < stopped.count ? 'length' : 'stop';
  return {
    id: `chatcmpl-${randomUUID().replaceAll('-', '')}`,
    created: Math.floor(Date.now() / 1000),
    model,
    pieces,
    finishReason: script.finish_reason === undefined ? natural : script.finish_reason,
    promptTokens,
    continuedPrefix,
    script,
    includeUsage: request.stream_options?.include_usage === true,
  };
}

/** The usage to report for `completionTokens`; null when the script withholds it. */
export function usageOf(plan: CompletionPlan, completionTokens: number): Record<string, unknown> | null {
  if (plan.script.usage === 'missing') return null;
  const zero = plan.script.usage === 'zero';
  const prompt = zero ? 0 : plan.promptTokens;
  const completion = zero ? 0 : completionTokens;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
  };
}

function wholeAnswer(read: ReadCompletion, script: Script): Pieces {
  if (script.text !== undefined) return piecesOf(script.text);
  if (script.tokens !== undefined) return numberedPieces(script.tokens);
  return piecesOf(answer(read.messages));
}

/** What comes after the prefix. A prefix that is not ours is followed by the whole answer, as a new paragraph. */
function continueAfter(whole: Pieces, prefix: string | null): Pick<CompletionPlan, 'pieces' | 'continuedPrefix'> {
  if (prefix === null) return { pieces: whole, continuedPrefix: null };
  const text = whole.text(whole.count);
  if (text.startsWith(prefix)) return { pieces: piecesOf(text.slice(prefix.length)), continuedPrefix: 'matched' };
  return { pieces: piecesOf(`\n\n${text}`), continuedPrefix: 'diverged' };
}

function stopAt(pieces: Pieces, stop: string | string[]): Pieces {
  const sequences = (typeof stop === 'string' ? [stop] : stop).filter((sequence) => sequence !== '');
  if (sequences.length === 0) return pieces;
  const text = pieces.text(pieces.count);
  const end = Math.min(...sequences.map((sequence) => text.indexOf(sequence)).map((index) => (index === -1 ? Infinity : index)));
  return end === Infinity ? pieces : piecesOf(text.slice(0, end));
}
