import OpenAI, { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError, AzureOpenAI } from 'openai';
import { clock } from '../../../kernel/clock.ts';
import { ModelError, type ModelFailure, type ModelProvider, type ModelRequest, type ModelResult } from '../model-provider.ts';
import { createRawFetch, rawBodyOf } from './raw-fetch.ts';
import { readCompletionStream } from './stream-reader.ts';

/** Where and how to call. */
export interface OpenAiOptions {
  apiKey: string;
  baseUrl: string;
  /** Set for Azure OpenAI: models are deployments of this resource. */
  azure?: { endpoint: string; apiVersion: string };
  idleTimeoutMs: number;
  headersTimeoutMs: number;
}

/**
 * OpenAI's chat completions (and Azure's, vLLM's, Ollama's) through the `openai` client. Around the client: an idle limit
 * between pieces, a total deadline, a required finish reason, a checked content type, and none of its retries.
 */
export class OpenAiProvider implements ModelProvider {
  private readonly client: OpenAI;
  private readonly transport: ReturnType<typeof createRawFetch>;

  constructor(private readonly options: OpenAiOptions) {
    this.transport = createRawFetch(options.headersTimeoutMs);
    const common = {
      apiKey: options.apiKey,
      fetch: this.transport.fetch,
      maxRetries: 0,
      timeout: options.headersTimeoutMs,
      organization: null,
      project: null,
      logLevel: 'off' as const,
    };
    this.client =
      options.azure === undefined
        ? new OpenAI({ ...common, baseURL: options.baseUrl })
        : new AzureOpenAI({ ...common, endpoint: options.azure.endpoint, apiVersion: options.azure.apiVersion });
  }

  async stream(request: ModelRequest, onText: (text: string) => void): Promise<ModelResult> {
    const remainingMs = request.deadlineAt - clock.now();
    if (remainingMs <= 0) throw new ModelError('timeout');
    const response = await this.begin(request, remainingMs);
    const body = rawBodyOf(response);
    if (!(response.headers.get('content-type') ?? '').includes('text/event-stream')) {
      body.destroy();
      throw new ModelError('bad_response');
    }
    return readCompletionStream(body, onText, {
      idleMs: this.options.idleTimeoutMs,
      remainingMs: request.deadlineAt - clock.now(),
      signal: request.signal,
    });
  }

  /** Closes all connections. */
  close(): Promise<void> {
    return this.transport.close();
  }

  private async begin(request: ModelRequest, remainingMs: number): Promise<Response> {
    try {
      return await this.client.chat.completions
        .create(
          {
            model: request.model,
            messages: request.messages,
            ...continuationOf(request),
            stream: true,
            stream_options: { include_usage: true },
            [outputLimitOf(request.model)]: request.maxOutputTokens,
            ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
            ...(request.topP === undefined ? {} : { top_p: request.topP }),
            ...(request.endUser === undefined ? {} : { user: request.endUser }),
          },
          { signal: request.signal, timeout: Math.min(remainingMs, this.options.headersTimeoutMs) },
        )
        .asResponse();
    } catch (error) {
      throw toModelError(error);
    }
  }
}

/**
 * How vLLM and what speaks like it is asked to go on from a text: it is the last message, and is not closed (vLLM's
 * documentation, "OpenAI-compatible server", extra parameters).
 */
function continuationOf({ messages, prefix }: ModelRequest) {
  if (prefix === undefined) return {};
  return {
    messages: [...messages, { role: 'assistant' as const, content: prefix }],
    continue_final_message: true,
    add_generation_prompt: false,
  };
}

/**
 * Name of the parameter that bounds an answer. OpenAI's reasoning models refuse the old one (API reference, "Create chat
 * completion"); other servers of the same API know only that.
 */
function outputLimitOf(model: string): 'max_tokens' | 'max_completion_tokens' {
  return /^(o\d|gpt-5)/.test(model) ? 'max_completion_tokens' : 'max_tokens';
}

/** An error of the `openai` client in the contract's words. */
export function toModelError(error: unknown): ModelError {
  if (error instanceof ModelError) return error;
  if (error instanceof APIUserAbortError) return new ModelError('aborted');
  if (error instanceof APIConnectionTimeoutError) return new ModelError('timeout');
  if (error instanceof APIConnectionError)
    return new ModelError(isTimeout(error.cause) ? 'timeout' : 'unreachable', { cause: error, unserved: neverReached(error.cause) });
  if (!(error instanceof APIError)) return new ModelError('unreachable', { cause: error });
  const retryAfterMs = retryAfterOf(error.headers as Headers | undefined);
  // An error status instead of an answer: nothing was generated.
  return new ModelError(failureOf(error), {
    cause: error,
    unserved: error.status !== undefined,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** True when no connection came about, so that no request can have arrived. */
function neverReached(cause: unknown): boolean {
  const code = cause instanceof Error ? (cause as { code?: unknown }).code : undefined;
  return (
    typeof code === 'string' &&
    ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'].includes(code)
  );
}

function isTimeout(cause: unknown): boolean {
  return cause instanceof Error && /Timeout/.test(cause.name);
}

function failureOf(error: APIError): ModelFailure {
  const status = error.status;
  if (error.code === 'context_length_exceeded') return 'context_too_long';
  if (error.code === 'content_filter') return 'content_filter';
  if (status === 401 || status === 403) return 'credential';
  if (status === 429) return 'throttled';
  if (status === 408 || status === 504) return 'timeout';
  if (status === undefined || status >= 500) return 'server_error';
  return 'invalid_request';
}

/** `Retry-After` in milliseconds: seconds or an HTTP date; nonsense and the past count as absent. */
export function retryAfterOf(headers: Headers | undefined): number | undefined {
  const precise = Number(headers?.get('retry-after-ms') ?? Number.NaN);
  if (precise >= 0) return precise;
  const value = headers?.get('retry-after');
  if (value === null || value === undefined || value === '') return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1_000 : undefined;
  const wait = Date.parse(value) - clock.now();
  return wait > 0 ? wait : undefined;
}
