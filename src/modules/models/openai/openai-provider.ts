import type { LookupFunction } from 'node:net';
import OpenAI, { APIError, AzureOpenAI } from 'openai';
import { clock } from '../../../kernel/clock.ts';
import { ModelError, type ModelProvider, type ModelRequest, type ModelResult } from '../model-provider.ts';
import { toModelError } from './openai-errors.ts';
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
  /** Decides which addresses may be connected to; all when absent. */
  lookup?: LookupFunction;
}

/**
 * OpenAI's chat completions (and Azure's, vLLM's, Ollama's) through the `openai` client. Around the client: an idle limit
 * between pieces, a total deadline, a required finish reason, a checked content type, and none of its retries.
 */
export class OpenAiProvider implements ModelProvider {
  private readonly client: OpenAI;
  private readonly transport: ReturnType<typeof createRawFetch>;

  constructor(private readonly options: OpenAiOptions) {
    this.transport = createRawFetch(options.headersTimeoutMs, options.lookup);
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
    if (remainingMs <= 0) throw new ModelError('timeout', { unserved: true });
    if (request.signal.aborted) throw new ModelError('aborted', { unserved: true });
    const response = await this.begin(request, remainingMs);
    // A success of another kind (201, 204, 206) has no answer inside that we could trust.
    if (response.status !== 200) throw new ModelError('bad_response');
    const body = rawBodyOf(response);
    if (!(response.headers.get('content-type') ?? '').includes('text/event-stream')) {
      body.destroy();
      throw new ModelError('bad_response');
    }
    return readCompletionStream(body, onText, {
      idleMs: this.options.idleTimeoutMs,
      remainingMs: request.deadlineAt - clock.now(),
      maxOutputTokens: request.maxOutputTokens,
      signal: request.signal,
    });
  }

  /** Closes all connections. */
  close(): Promise<void> {
    return this.transport.close();
  }

  private async begin(request: ModelRequest, remainingMs: number): Promise<Response> {
    try {
      const response = await this.client.chat.completions
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
      request.onHeaders?.(response.status, response.headers);
      return response;
    } catch (error) {
      if (error instanceof APIError && error.status !== undefined && error.headers !== undefined) {
        request.onHeaders?.(error.status, error.headers);
      }
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
