import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { clock } from '../../kernel/clock.ts';
import { metrics } from '../../platform/telemetry/index.ts';
import { contextWindowOf } from './catalog.ts';
import { ModelError, type ModelRequest, type ModelResult } from './model-provider.ts';
import { type ModelsConfig, modelsConfig } from './models.config.ts';
import { OpenAiProvider } from './openai/openai-provider.ts';

/** First wait between two tries, in milliseconds; doubles, with full jitter (AWS Architecture Blog, 2015). */
const backoffMs = 250;

/** What a caller wants to know while an answer streams. */
export interface ModelListener {
  /** A provider call begins. Called before each try; a rejection stops the answer. */
  onCall(): Promise<void> | void;
  /** One piece of the answer. */
  onText(text: string): void;
}

/** The models that bots answer with. */
@Injectable()
export class Models implements OnApplicationShutdown {
  private readonly provider: OpenAiProvider;

  constructor(@Inject(modelsConfig.token) private readonly config: ModelsConfig) {
    this.provider = new OpenAiProvider({
      apiKey: config.azureEndpoint === undefined ? config.apiKey : (config.azureApiKey ?? config.apiKey),
      baseUrl: config.baseUrl,
      ...(config.azureEndpoint === undefined ? {} : { azure: { endpoint: config.azureEndpoint, apiVersion: config.azureApiVersion } }),
      idleTimeoutMs: config.idleTimeoutMs,
      headersTimeoutMs: config.headersTimeoutMs,
    });
  }

  /** Model of a bot that names none. */
  get defaultModel(): string {
    return this.config.defaultModel;
  }

  /** Longest answer of a bot that sets none, in tokens. */
  get defaultMaxOutputTokens(): number {
    return this.config.maxOutputTokens;
  }

  /** Context window of a model, in tokens. */
  contextWindow(model: string): number {
    return contextWindowOf(model, this.config.contextTokens);
  }

  /**
   * Streams one answer. While nothing has been shown, transient failures are tried again (bounded calls, full jitter, a
   * capped Retry-After, never past the deadline). Once text was shown a failure is final: the caller decides what the
   * reader sees. Rejects with ModelError.
   */
  async stream(request: ModelRequest, listener: ModelListener): Promise<ModelResult> {
    let shown = false;
    for (let call = 1; ; call += 1) {
      await listener.onCall();
      try {
        const result = await this.provider.stream(request, (text) => {
          shown = true;
          listener.onText(text);
        });
        metrics.modelCalls.inc({ outcome: result.finishReason });
        return result;
      } catch (error) {
        if (!(error instanceof ModelError)) throw error;
        metrics.modelCalls.inc({ outcome: error.failure });
        const wait = this.waitBefore(call + 1, error, request);
        if (shown || wait === undefined) throw error;
        await sleep(wait, undefined, { signal: request.signal }).catch(() => {
          throw new ModelError('aborted');
        });
      }
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.provider.close();
  }

  /** Milliseconds to wait before try number `call`, or undefined when there is to be none. */
  private waitBefore(call: number, error: ModelError, request: ModelRequest): number | undefined {
    if (!error.transient || call > this.config.maxCalls || request.signal.aborted) return undefined;
    if (error.retryAfterMs !== undefined && error.retryAfterMs > this.config.retryAfterCapMs) return undefined;
    const wait = Math.max(error.retryAfterMs ?? 0, Math.random() * backoffMs * 2 ** (call - 2));
    return clock.now() + wait < request.deadlineAt ? wait : undefined;
  }
}
