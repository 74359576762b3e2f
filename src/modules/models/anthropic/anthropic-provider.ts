import type { LookupFunction } from 'node:net';
import Anthropic, { APIError } from '@anthropic-ai/sdk';
import { clock } from '../../../kernel/clock.ts';
import { ModelError, type ModelProvider, type ModelRequest, type ModelResult } from '../model-provider.ts';
import { createRawFetch, rawBodyOf } from '../openai/raw-fetch.ts';
import { toModelError } from './anthropic-errors.ts';
import { messagesBodyOf } from './messages-body.ts';
import { readMessageStream } from './message-stream.ts';
import { withoutShownSpace } from './shown-space.ts';

/** Where and how to call. */
export interface AnthropicOptions {
  apiKey: string;
  /** Without `/v1`; Anthropic's own API when absent. */
  baseUrl?: string;
  /** Longest silence between two signs of work, in milliseconds. */
  idleTimeoutMs: number;
  /** Longest wait for the first byte, in milliseconds. */
  headersTimeoutMs: number;
  /** Decides which addresses may be connected to; all when absent. */
  lookup?: LookupFunction;
}

/**
 * Anthropic's Messages API through its client. Around the client: an idle limit between pieces, a total deadline, a required stop
 * reason, a checked content type, and none of its retries, spans or settings from the environment.
 */
export class AnthropicProvider implements ModelProvider {
  private readonly client: Anthropic;
  private readonly transport: ReturnType<typeof createRawFetch>;

  constructor(private readonly options: AnthropicOptions) {
    this.transport = createRawFetch(options.headersTimeoutMs, options.lookup);
    this.client = new Anthropic({
      apiKey: options.apiKey,
      baseURL: options.baseUrl ?? 'https://api.anthropic.com',
      fetch: this.transport.fetch,
      maxRetries: 0,
      timeout: options.headersTimeoutMs,
      logLevel: 'off',
      // Its spans can be told by the environment to hold content.
      openTelemetry: false,
    });
  }

  async stream(request: ModelRequest, onText: (text: string) => void): Promise<ModelResult> {
    const remainingMs = request.deadlineAt - clock.now();
    if (remainingMs <= 0) throw new ModelError('timeout', { unserved: true });
    if (request.signal.aborted) throw new ModelError('aborted', { unserved: true });
    const response = await this.begin(request, remainingMs);
    if (response.status !== 200) throw new ModelError('bad_response');
    const body = rawBodyOf(response);
    if (!(response.headers.get('content-type') ?? '').includes('text/event-stream')) {
      body.destroy();
      throw new ModelError('bad_response');
    }
    return readMessageStream(body, withoutShownSpace(request.prefix, onText), {
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
      // Not `messages.create`: it writes a line to the console for each call of a model that will be retired.
      const response = await this.client
        .post('/v1/messages', {
          body: messagesBodyOf(request),
          stream: true,
          signal: request.signal,
          timeout: Math.min(remainingMs, this.options.headersTimeoutMs),
        })
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
