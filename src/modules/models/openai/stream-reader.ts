import type { Readable } from 'node:stream';
import { createParser } from 'eventsource-parser';
import { ModelError, type ModelResult } from '../model-provider.ts';

/** Longest single event, in characters: far above any real one. */
const maxEventLength = 1_048_576;

/** How long a provider may take to end the body after the end of its answer, in milliseconds. */
const endWithinMs = 1_000;

/** What we read of a chat completion chunk. */
interface CompletionChunk {
  choices?: { delta?: { content?: string | null }; finish_reason?: string | null }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number } | null;
  error?: { code?: unknown } | null;
}

const finishReasons: Record<string, ModelResult['finishReason']> = {
  stop: 'stop',
  length: 'length',
  content_filter: 'content_filter',
};

/** How long to be patient. */
export interface Patience {
  /** Longest silence between two events with content, in milliseconds. */
  idleMs: number;
  /** Milliseconds from now until the call must have ended. */
  remainingMs: number;
  signal: AbortSignal;
}

/**
 * Reads the event stream of a chat completion. Resolves only when the provider named a finish reason; a stream that just
 * ends is `truncated`, whatever it closed with. Comments and empty deltas do not count as signs of life.
 */
export function readCompletionStream(body: Readable, onText: (text: string) => void, patience: Patience): Promise<ModelResult> {
  return new Promise((resolve, reject) => {
    let finishReason: ModelResult['finishReason'] | undefined;
    let usage: ModelResult['usage'];
    let settled = false;

    const settle = (outcome: () => void, whole = false) => {
      if (settled) return;
      settled = true;
      clearTimeout(idle);
      clearTimeout(deadline);
      patience.signal.removeEventListener('abort', onAbort);
      if (whole) letEnd(body);
      else body.destroy();
      outcome();
    };
    const fail = (error: ModelError) => settle(() => reject(error));
    const end = () => {
      const reason = finishReason;
      if (reason === undefined) fail(new ModelError('truncated'));
      else settle(() => resolve(usage === undefined ? { finishReason: reason } : { finishReason: reason, usage }), true);
    };
    // After the finish reason only usage is still to come: waiting for it must not lose the answer.
    const onSilence = () => (finishReason === undefined ? fail(new ModelError('timeout')) : end());
    // Looked at when it is due and not moved with every piece: moving a timer costs more than reading the piece.
    let lastTextAt = performance.now();
    const onIdle = () => {
      const left = lastTextAt + patience.idleMs - performance.now();
      if (left <= 0) return onSilence();
      idle = setTimeout(onIdle, Math.ceil(left));
    };
    let idle = setTimeout(onIdle, patience.idleMs);
    const deadline = setTimeout(onSilence, Math.max(0, patience.remainingMs));
    const onAbort = () => fail(new ModelError('aborted'));

    const onChunk = (chunk: CompletionChunk) => {
      if (chunk.error) return fail(new ModelError(chunk.error.code === 'content_filter' ? 'content_filter' : 'server_error'));
      if (chunk.usage) usage = { inputTokens: count(chunk.usage.prompt_tokens), outputTokens: count(chunk.usage.completion_tokens) };
      const choice = chunk.choices?.[0];
      if (choice === undefined) return;
      const text = choice.delta?.content;
      if (typeof text === 'string' && text !== '') {
        lastTextAt = performance.now();
        onText(text);
      }
      if (typeof choice.finish_reason === 'string') {
        finishReason = finishReasons[choice.finish_reason];
        if (finishReason === undefined) fail(new ModelError('bad_response'));
      }
    };
    const onData = (data: string) => {
      if (settled) return;
      if (data === '[DONE]') return end();
      let chunk: unknown;
      try {
        chunk = JSON.parse(data);
      } catch {
        return fail(new ModelError('bad_response'));
      }
      if (typeof chunk !== 'object' || chunk === null) return fail(new ModelError('bad_response'));
      onChunk(chunk);
    };
    const parser = createParser({
      maxBufferSize: maxEventLength,
      onError: (error) => {
        if (error.type === 'max-buffer-size-exceeded') fail(new ModelError('bad_response'));
      },
      onEvent: ({ data }) => onData(data),
    });
    const decoder = new TextDecoder();
    // True while the parser holds no part of an event.
    let between = true;
    body.on('data', (bytes: Buffer) => {
      if (settled) return;
      try {
        const text = decoder.decode(bytes, { stream: true });
        const data = between ? loneEvent(text) : undefined;
        if (data !== undefined) return onData(data);
        parser.feed(text);
        between = text.endsWith('\n\n');
      } catch (cause) {
        fail(new ModelError('bad_response', { cause }));
      }
    });
    body.once('end', end);
    body.once('error', (cause) => (finishReason === undefined ? fail(new ModelError('truncated', { cause })) : end()));
    body.once('close', end);
    if (patience.signal.aborted) onAbort();
    else patience.signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** The data of a piece that is exactly one event of one line, as most are; undefined for everything else. */
function loneEvent(text: string): string | undefined {
  const end = text.length - 2;
  if (!text.startsWith('data: ') || text.indexOf('\n') !== end || !text.endsWith('\n\n') || text.includes('\r')) return undefined;
  return text.slice('data: '.length, end);
}

/** After a whole answer the connection can serve the next call, when the provider ends the body as it should. */
function letEnd(body: Readable): void {
  const late = setTimeout(() => body.destroy(), endWithinMs);
  body.once('close', () => clearTimeout(late));
  body.resume();
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
