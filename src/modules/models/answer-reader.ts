import type { Readable } from 'node:stream';
import { createParser } from 'eventsource-parser';
import { ModelError, type ModelResult, type ModelUsage } from './model-provider.ts';

/** Longest single event, in characters: far above any real one. */
const maxEventLength = 1_048_576;

/** How long a provider may take to end the body after the end of its answer, in milliseconds. */
const endWithinMs = 1_000;

/** Longest token of the public vocabularies, in characters (o200k_base has runs of white space of this length). */
const longestToken = 128;

/** Characters that an answer may have beyond what its tokens can hold, so that a tiny bound is no trap. */
const spareCharacters = 4_096;

/** How long to be patient, and how much to take. */
export interface AnswerLimits {
  /** Longest silence between two signs of work, in milliseconds. */
  idleMs: number;
  /** Milliseconds from now until the call must have ended. */
  remainingMs: number;
  /** Tokens that were asked for at most. An answer that cannot be made of as many is cut off. */
  maxOutputTokens: number;
  signal: AbortSignal;
}

/** What a protocol tells of an answer while it reads its events. */
export interface AnswerSink {
  /** A piece of text; empty ones are nothing. */
  text(piece: string): void;
  /** The model works, but has no text yet. */
  alive(): void;
  /** How the answer ended. Usage may still follow. */
  finish(reason: ModelResult['finishReason']): void;
  /** What the provider has counted so far; undefined forgets it. */
  usage(usage: ModelUsage | undefined): void;
  /** Nothing more follows. */
  end(): void;
  fail(error: ModelError): void;
}

/**
 * Reads an answer that comes as server-sent events, each with a JSON object as its data. Resolves only when the protocol named a
 * finish reason; a stream that just ends is `truncated`, whatever it closed with. Rejects with ModelError, and then the
 * connection is closed. Comments and events that say nothing are no signs of life.
 */
export function readAnswer(
  body: Readable,
  onText: (text: string) => void,
  limits: AnswerLimits,
  onEvent: (event: object, answer: AnswerSink) => void,
): Promise<ModelResult> {
  return new Promise((resolve, reject) => {
    let finishReason: ModelResult['finishReason'] | undefined;
    let usage: ModelUsage | undefined;
    let characters = 0;
    let settled = false;

    const settle = (outcome: () => void, whole = false) => {
      if (settled) return;
      settled = true;
      clearTimeout(idle);
      clearImmediate(judged);
      clearTimeout(deadline);
      limits.signal.removeEventListener('abort', onAbort);
      if (whole) letEnd(body);
      else body.destroy();
      outcome();
    };
    const fail = (error: ModelError) => settle(() => reject(error));
    const end = () => {
      if (finishReason === undefined) return fail(new ModelError('truncated'));
      const result = { finishReason, ...(usage !== undefined && isPlausible(usage, characters) ? { usage } : {}) };
      settle(() => resolve(result), true);
    };
    // After the finish reason only usage is still to come: waiting for it must not lose the answer.
    const onSilence = () => (finishReason === undefined ? fail(new ModelError('timeout')) : end());
    // Looked at when it is due and not moved with every piece: moving a timer costs more than reading the piece.
    let lastSignAt = performance.now();
    const idleLeft = () => lastSignAt + limits.idleMs - performance.now();
    const onIdle = () => {
      // It may be us who were busy: what has arrived meanwhile is read before the provider is judged.
      if (idleLeft() <= 0) judged = setImmediate(() => (idleLeft() <= 0 ? onSilence() : onIdle()));
      else idle = setTimeout(onIdle, Math.ceil(idleLeft()));
    };
    let judged: NodeJS.Immediate | undefined;
    let idle = setTimeout(onIdle, limits.idleMs);
    const deadline = setTimeout(onSilence, Math.max(0, limits.remainingMs));
    const onAbort = () => fail(new ModelError('aborted'));
    const maxCharacters = limits.maxOutputTokens * longestToken + spareCharacters;

    const sink: AnswerSink = {
      text: (piece) => {
        if (settled || piece === '') return;
        characters += piece.length;
        if (characters > maxCharacters) return fail(new ModelError('bad_response'));
        lastSignAt = performance.now();
        onText(piece);
      },
      alive: () => {
        lastSignAt = performance.now();
      },
      finish: (reason) => {
        finishReason = reason;
      },
      usage: (counted) => {
        usage = counted;
      },
      end,
      fail,
    };
    const onData = (data: string) => {
      if (settled) return;
      if (data === '[DONE]') return end();
      const event = parse(data);
      if (typeof event !== 'object' || event === null) return fail(new ModelError('bad_response'));
      onEvent(event, sink);
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
    if (limits.signal.aborted) onAbort();
    else limits.signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Undefined for what is no JSON. The error is dropped: it quotes the text. */
function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

/** A provider's count of tokens; undefined for what is no count. */
export function tokenCount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/**
 * Whether a count can be true of an answer of so many characters. Some servers say 0 where they did not count: what they served
 * must then not be booked as nothing.
 */
function isPlausible({ inputTokens, outputTokens }: ModelUsage, characters: number): boolean {
  return inputTokens > 0 && characters <= outputTokens * longestToken;
}

/** The data of a piece that is exactly one event of one line, as most are; undefined for everything else. */
function loneEvent(text: string): string | undefined {
  const end = text.length - 2;
  if (!text.startsWith('data: ') || text.indexOf('\n') !== end || !text.endsWith('\n\n') || text.includes('\r')) return undefined;
  return text.slice('data: '.length, end);
}

/** After a whole answer the connection can serve the next call, when the provider ends the body as it should. */
function letEnd(body: Readable): void {
  if (body.closed) return;
  const late = setTimeout(() => body.destroy(), endWithinMs);
  body.once('close', () => clearTimeout(late));
  body.resume();
}
