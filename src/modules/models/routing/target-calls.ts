import { Injectable } from '@nestjs/common';
import { clock } from '../../../kernel/clock.ts';
import { metrics } from '../../../platform/telemetry/index.ts';
import { Catalog } from '../catalog/catalog.ts';
import { ProviderPool } from '../credentials/provider-pool.ts';
import { metricName, modelMetrics } from '../health/model-metrics.ts';
import { ModelError, type ModelRequest, type ModelResult } from '../model-provider.ts';
import { inputBound } from './answer-bounds.ts';
import type { AnswerRequest, EndedCall, ModelListener } from './answer-listener.ts';
import type { Passage } from './breaker.ts';
import type { Turn } from './call-pacing.ts';
import type { CallSize } from './call-size.ts';
import { TargetHealths } from './target-healths.ts';
import type { Target } from './target.ts';
import { targetPrice } from './target-price.ts';

/** A call to make. */
export interface TargetCall {
  target: Target;
  size: CallSize;
  turn: Turn;
  passage: Passage;
  request: AnswerRequest;
  prefix: string;
}

/** Calls one target: told to the listener, measured, and counted for the target's health. */
@Injectable()
export class TargetCalls {
  constructor(
    private readonly providers: ProviderPool,
    private readonly healths: TargetHealths,
    private readonly catalog: Catalog,
  ) {}

  /** Gives how the call ended, a ModelError included. Rejects with what the listener throws. */
  async make(call: TargetCall, listener: ModelListener): Promise<ModelResult | ModelError> {
    const { target, size, turn, passage, request, prefix } = call;
    const { messages } = size;
    const maxOutputTokens = await this.announce(call, listener).catch((error: unknown) => {
      turn.end(0);
      passage.withdrawn();
      throw error;
    });
    const running = this.healths.of(target).begin(passage, request.deadlineAt);
    const startedAt = performance.now();
    const { tenantId: _tenant, needs: _needs, inputTokens: _counted, ...rest } = request;
    let first = true;
    const onText = (text: string) => {
      if (first) {
        first = false;
        running.firstText();
        modelMetrics.firstTextSeconds.observe({ target: metricName(target) }, secondsSince(startedAt));
      }
      listener.onText(text);
    };
    const given = {
      ...withoutRefused(rest, target),
      model: target.providerModel,
      messages,
      maxOutputTokens,
      onHeaders: (status: number, headers: Headers) => {
        // Reasoning models think for a minute before the first text: their place is for the next one.
        if (status === 200) passage.answered();
        turn.observe(status, headers);
      },
      ...(prefix === '' ? {} : { prefix }),
    };
    let ended: EndedCall = { outcome: 'aborted', unserved: false };
    let refused = false;
    try {
      const result = await this.providers.use(target.credential, (provider) => provider.stream(given, onText));
      ended = { outcome: result.finishReason, unserved: false, ...(result.usage === undefined ? {} : { usage: result.usage }) };
      return result;
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      ended = { outcome: error.failure, unserved: error.unserved };
      refused = error.ofTarget;
      return error;
    } finally {
      if (ended.outcome !== 'credential' && !ended.unserved && !refused) this.healths.accept(target);
      running.ended(ended.outcome, ended.usage, refused);
      measure(target, ended, secondsSince(startedAt));
      turn.end(usedOf(ended));
      listener.onCallEnd(ended);
    }
  }

  /** Tells the listener; gives the tokens that the answer may have. */
  private async announce({ target, size, prefix }: TargetCall, listener: ModelListener): Promise<number> {
    const { messages, maxOutputTokens: bound } = size;
    const now = clock.now();
    const granted = await listener.onCall({
      target: target.name,
      model: target.providerModel,
      inputBound: inputBound(messages, prefix),
      maxOutputTokens: bound,
      price: targetPrice(target, (name) => this.catalog.price(name, now)).price,
    });
    return Math.max(1, Math.min(bound, granted?.maxOutputTokens ?? bound));
  }
}

/** OpenAI's reasoning models refuse a temperature; a fallback to one must not fail for it. */
function withoutRefused<T extends Pick<ModelRequest, 'temperature' | 'topP'>>(request: T, { skills, credential }: Target): T {
  if (!skills.has('reasoning') || (credential.kind !== 'openai' && credential.kind !== 'azure')) return request;
  const { temperature: _temperature, topP: _topP, ...rest } = request;
  return rest as T;
}

function usedOf({ usage, unserved }: EndedCall): number | undefined {
  if (usage !== undefined) return usage.inputTokens + usage.outputTokens;
  return unserved ? 0 : undefined;
}

function measure(target: Target, { outcome, usage }: EndedCall, seconds: number): void {
  const name = metricName(target);
  metrics.modelCalls.inc({ outcome });
  modelMetrics.calls.inc({ target: name, outcome });
  modelMetrics.seconds.observe({ target: name }, seconds);
  if (usage === undefined) return;
  modelMetrics.tokens.inc({ target: name, direction: 'input' }, usage.inputTokens);
  modelMetrics.tokens.inc({ target: name, direction: 'output' }, usage.outputTokens);
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1_000;
}
