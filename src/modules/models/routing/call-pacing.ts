import { Inject, Injectable, Optional } from '@nestjs/common';
import type { PaceLease, PaceRequest } from '../pacing/pace.ts';
import { Pacer } from '../pacing/pacer.ts';
import { inputBound } from './answer-bounds.ts';
import type { AnswerRequest } from './answer-listener.ts';
import type { Target } from './target.ts';
import { TargetHealths } from './target-healths.ts';

/** Bytes of a token in most texts: for an estimate where nobody has counted. */
const bytesPerToken = 4;

/** A call's share of its target's rate limits. */
export interface Turn {
  /** The provider has begun to answer: what its headers say of the limits. */
  observe(status: number, headers: Headers): void;
  /** The call has ended with so many tokens; undefined when nobody knows. */
  end(usedTokens: number | undefined): void;
}

const unpaced: Turn = { observe: () => undefined, end: () => undefined };

/** Keeps the calls of all replicas within what a provider allows a credential for a model. Without a pacer nothing is kept. */
@Injectable()
export class CallPacing {
  constructor(
    private readonly healths: TargetHealths,
    @Optional() @Inject(Pacer) private readonly pacer?: Pacer,
  ) {}

  /** The share of one call, or the milliseconds until there is one. */
  async take(target: Target, request: AnswerRequest): Promise<Turn | number> {
    if (this.pacer === undefined) return unpaced;
    const pace = await this.pacer.try(paceRequestOf(target, request));
    return pace.granted ? turnOf(this.pacer, pace.lease) : pace.waitMs;
  }

  /** Waits for a share, in the order of asking. Rejects with ModelError `throttled` when it would come after the deadline. */
  async wait(target: Target, request: AnswerRequest): Promise<Turn> {
    if (this.pacer === undefined) return unpaced;
    const health = this.healths.of(target);
    health.waiting += 1;
    try {
      return turnOf(this.pacer, await this.pacer.acquire(paceRequestOf(target, request)));
    } finally {
      health.waiting -= 1;
    }
  }
}

function turnOf(pacer: Pacer, lease: PaceLease): Turn {
  return {
    observe: (status, headers) => pacer.observe(lease.key, { status, headers, lease }),
    end: (usedTokens) => pacer.settle(lease, usedTokens),
  };
}

function paceRequestOf({ credential, providerModel }: Target, request: AnswerRequest): PaceRequest {
  const { messages, inputTokens, maxOutputTokens, deadlineAt, signal } = request;
  return {
    key: { credential: credential.id, model: providerModel },
    tokens: (inputTokens ?? Math.ceil(inputBound(messages) / bytesPerToken)) + maxOutputTokens,
    priority: 'live',
    deadlineAt,
    signal,
  };
}
