import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { clock } from '../../kernel/clock.ts';
import { metrics } from '../../platform/telemetry/index.ts';
import { contextWindowOf, continuesPrefix } from './catalog.ts';
import {
  ModelError,
  type ModelFailure,
  type ModelMessage,
  type ModelRequest,
  type ModelResult,
  type ModelUsage,
} from './model-provider.ts';
import { type ModelsConfig, modelsConfig } from './models.config.ts';
import { OpenAiProvider } from './openai/openai-provider.ts';
import { countTokens } from './tokens.ts';

/** First wait between two tries, in milliseconds; doubles, with full jitter (AWS Architecture Blog, 2015). */
const backoffMs = 250;

/** A provider call that is about to begin. */
export interface PlannedCall {
  /** Who is asked: the name of the target, for the ledger and metrics. */
  target: string;
  /** The provider's name of the model. */
  model: string;
  /** Upper bound of what the provider can count as input: no tokenizer gives more tokens than there are bytes. */
  inputBound: number;
  /** Tokens that the answer may have. */
  maxOutputTokens: number;
  /** Prices in micro-units of money for a million tokens. */
  price: { input: number; output: number };
}

/** How a provider call ended. */
export interface EndedCall {
  outcome: ModelResult['finishReason'] | ModelFailure;
  /** What the provider has counted, where it said so. */
  usage?: ModelUsage;
  /** True where the provider is known to have served nothing. */
  unserved: boolean;
}

/** Who an answer streams to. It keeps the text: a call that goes on begins where the reader is. */
export interface ModelListener {
  /**
   * A provider call begins. Called before each one; a rejection stops the answer. It may lower the bound of the answer, where less
   * is left of a quota.
   */
  onCall(call: PlannedCall): Promise<{ maxOutputTokens: number } | void> | { maxOutputTokens: number } | void;
  /** The call that began last has ended; told once for each, before the next one begins. */
  onCallEnd(end: EndedCall): void;
  /** One piece of the answer. */
  onText(text: string): void;
  /** What was shown does not hold: the answer begins anew. Afterwards `shown` is empty. */
  onRestart(): void;
  /** The answer so far, as readers have it; an earlier attempt may have begun it. */
  shown(): string;
}

/** An answer to ask for. `maxOutputTokens` is meant for the whole of it, what is shown already included. */
export type AnswerRequest = Omit<ModelRequest, 'prefix'>;

/** The models that bots answer with. */
@Injectable()
export class Models implements OnApplicationShutdown {
  private readonly logger = new Logger(Models.name);
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

  /** True when calls of a model can go on from a given text. */
  canContinue(model: string): boolean {
    return continuesPrefix(model, this.config.continues);
  }

  /**
   * Streams one answer. Transient failures are tried again (bounded calls, full jitter, a capped Retry-After, never past the
   * deadline). Where text is shown, a call goes on from it if the model can. If it cannot, text of an earlier attempt is
   * taken back, and a failure after text of this one is final: the caller decides what the reader sees. Rejects with
   * ModelError.
   */
  async stream(request: AnswerRequest, listener: ModelListener): Promise<ModelResult> {
    if (listener.shown() !== '' && !this.goesOn(request, listener)) listener.onRestart();
    for (let call = 1; ; call += 1) {
      const prefix = listener.shown();
      const room = roomAfter(prefix, request.maxOutputTokens);
      const granted = await listener.onCall({
        target: 'default',
        model: request.model,
        inputBound: inputBound(request.messages, prefix),
        maxOutputTokens: room,
        price: { input: 0, output: 0 },
      });
      const maxOutputTokens = Math.min(room, granted?.maxOutputTokens ?? room);
      try {
        const result = await this.provider.stream({ ...request, maxOutputTokens, ...(prefix === '' ? {} : { prefix }) }, (text) =>
          listener.onText(text),
        );
        metrics.modelCalls.inc({ outcome: result.finishReason });
        listener.onCallEnd({
          outcome: result.finishReason,
          unserved: false,
          ...(result.usage === undefined ? {} : { usage: result.usage }),
        });
        return result;
      } catch (error) {
        if (!(error instanceof ModelError)) throw error;
        metrics.modelCalls.inc({ outcome: error.failure });
        listener.onCallEnd({ outcome: error.failure, unserved: error.unserved });
        if (prefix !== '' && refusesPrefix(error) && call < this.config.maxCalls && !request.signal.aborted) {
          this.logger.warn({ model: request.model }, 'the provider refuses to go on from a given text; is MODEL_CONTINUES right?');
          listener.onRestart();
          continue;
        }
        await this.beforeNext(call, error, request, listener);
      }
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.provider.close();
  }

  /** True when the next call can begin where the reader is. Half a character is nothing that a provider could be given. */
  private goesOn(request: AnswerRequest, listener: ModelListener): boolean {
    return this.canContinue(request.model) && listener.shown().isWellFormed();
  }

  /** Waits until the next call may begin; throws what call number `call` failed with when there is to be none. */
  private async beforeNext(call: number, error: ModelError, request: AnswerRequest, listener: ModelListener): Promise<void> {
    const wait = this.waitBefore(call + 1, error, request);
    if (wait === undefined || (listener.shown() !== '' && !this.goesOn(request, listener))) throw error;
    await sleep(wait, undefined, { signal: request.signal }).catch(() => {
      throw new ModelError('aborted');
    });
  }

  /** Milliseconds to wait before try number `call`, or undefined when there is to be none. */
  private waitBefore(call: number, error: ModelError, request: AnswerRequest): number | undefined {
    if (!error.transient || call > this.config.maxCalls || request.signal.aborted) return undefined;
    if (error.retryAfterMs !== undefined && error.retryAfterMs > this.config.retryAfterCapMs) return undefined;
    const wait = Math.max(error.retryAfterMs ?? 0, Math.random() * backoffMs * 2 ** (call - 2));
    return clock.now() + wait < request.deadlineAt ? wait : undefined;
  }
}

/** A server that does not know how to go on says that the request is wrong, or counts the prefix beyond its window. */
function refusesPrefix(error: ModelError): boolean {
  return error.failure === 'invalid_request' || error.failure === 'context_too_long';
}

/** Bytes that a message may cost as tokens besides its text: its role and separators, in the longest chat templates. */
export const bytesPerMessage = 16;

/** Most tokens that any byte-level tokenizer can make of a prompt. */
export function inputBound(messages: ModelMessage[], prefix = ''): number {
  const texts = prefix === '' ? messages.map(({ content }) => content) : [...messages.map(({ content }) => content), prefix];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text) + bytesPerMessage, bytesPerMessage);
}

/** Part of an answer's bound that a call which goes on has at least. */
const leastRoom = 0.25;

/**
 * Tokens that a call may add to a given text. We count the text by our tokenizer, and the model by its own, which may see a third
 * as many: whoever is nearly at the bound by our count may not be by the model's, and must not be cut because a replica died. So a
 * bounded number of calls may each go a bounded part beyond.
 */
function roomAfter(prefix: string, maxOutputTokens: number): number {
  const counted = prefix === '' ? 0 : countTokens(prefix);
  return Math.max(maxOutputTokens - counted, Math.ceil(maxOutputTokens * leastRoom));
}
