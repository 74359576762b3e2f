import type { AppError } from '../../../kernel/app-error.ts';
import { toProblem } from '../../../platform/http/index.ts';
import { chatErrors, problemFromText } from '../chat.errors.ts';
import type { Chunk, FinishMetadata } from '../stream/chunks.ts';
import type { EventWriter } from './sse-stream.ts';

/** What every chunk of one completion carries. */
export interface CompletionHead {
  id: string;
  /** Seconds since the epoch. */
  created: number;
  model: string;
}

const finishReasons = { stop: 'stop', length: 'length', 'content-filter': 'content_filter' } as const;

type Usage = { prompt_tokens: number; completion_tokens: number; total_tokens: number };

/** A log read as a completion: text as it comes, then its end. Words that were given out cannot be taken back. */
export class CompletionReader {
  private text = '';
  private given = false;
  finishReason: string | undefined;
  usage: Usage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
  problem: AppError | undefined;

  /** `live`: text is given out as it comes, so that a restart cannot be hidden. */
  constructor(private readonly live: boolean) {}

  /** The answer so far. */
  get content(): string {
    return this.text;
  }

  /** Reads one chunk; gives the text that it adds. */
  read(json: string): string {
    const chunk = JSON.parse(json) as Chunk;
    if (chunk.type === 'text-delta') {
      this.text += chunk.delta;
      this.given = true;
      return chunk.delta;
    }
    if (chunk.type === 'reset-step') this.restart();
    else if (chunk.type === 'error') this.problem ??= problemFromText(chunk.errorText);
    else if (chunk.type === 'finish') this.finish(chunk.finishReason, chunk.messageMetadata);
    return '';
  }

  private restart(): void {
    if (this.live && this.given) this.problem ??= chatErrors.restarted();
    this.text = '';
  }

  private finish(reason: keyof typeof finishReasons | 'interrupted', { usage }: FinishMetadata): void {
    if (reason === 'interrupted') this.problem ??= chatErrors.interrupted();
    else this.finishReason = finishReasons[reason];
    if (usage !== null) {
      const { input_tokens: input, output_tokens: output } = usage;
      this.usage = { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
    }
  }
}

/** OpenAI's completion object of an answer that has ended well. */
export function completionBody(head: CompletionHead, reader: CompletionReader) {
  return {
    id: head.id,
    object: 'chat.completion' as const,
    created: head.created,
    model: head.model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant' as const, content: reader.content, refusal: null },
        logprobs: null,
        finish_reason: reader.finishReason ?? 'stop',
      },
    ],
    usage: reader.usage,
  };
}

/** OpenAI's chunk events of an answer. A failure after the first byte is an `error` event, never `[DONE]`. */
export function completionEvents(head: CompletionHead, includeUsage: boolean, requestId: string): EventWriter & { first: () => string } {
  const reader = new CompletionReader(true);
  let failed = false;
  const event = (choices: unknown[], usage?: Usage | null) =>
    `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, ...(usage === undefined ? {} : { usage }) })}\n\n`;
  const noUsageYet = includeUsage ? null : undefined;
  return {
    first: () => event([{ index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }], noUsageYet),
    chunk: (_sequence, json) => {
      if (failed) return undefined;
      const text = reader.read(json);
      if (reader.problem !== undefined) {
        failed = true;
        return `data: ${JSON.stringify({ error: toProblem(reader.problem, '/v1/chat/completions', requestId).error })}\n\n`;
      }
      return text === '' ? undefined : event([{ index: 0, delta: { content: text }, logprobs: null, finish_reason: null }], noUsageYet);
    },
    end: () => {
      if (failed) return '';
      const last = event([{ index: 0, delta: {}, logprobs: null, finish_reason: reader.finishReason ?? 'stop' }], noUsageYet);
      return `${last}${includeUsage ? event([], reader.usage) : ''}data: [DONE]\n\n`;
    },
  };
}
