import { Inject, Injectable, Optional } from '@nestjs/common';
import type { PaceKey, PaceLease, PaceRequest } from '../pacing/pace.ts';
import { Pacer } from '../pacing/pacer.ts';
import type { AnswerRequest } from './answer-listener.ts';
import { type CallSize, withinLimit } from './call-size.ts';
import type { Target } from './target.ts';
import { TargetHealths } from './target-healths.ts';

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

  /** The call as it can be made: its answer is no longer than the target's limits ever allow. */
  fit(target: Target, size: CallSize): CallSize {
    return withinLimit(size, this.pacer?.most(keyOf(target)));
  }

  /** The share of one call, or the milliseconds until there is one. */
  async take(target: Target, request: AnswerRequest, size: CallSize): Promise<Turn | number> {
    if (this.pacer === undefined) return unpaced;
    const pace = await this.pacer.try(paceRequestOf(target, request, size));
    return pace.granted ? turnOf(this.pacer, pace.lease) : pace.waitMs;
  }

  /** Waits for a share, in the order of asking. Rejects with ModelError `throttled` when it would come after the deadline. */
  async wait(target: Target, request: AnswerRequest, size: CallSize): Promise<Turn> {
    if (this.pacer === undefined) return unpaced;
    const health = this.healths.of(target);
    health.waiting += 1;
    try {
      return turnOf(this.pacer, await this.pacer.acquire(paceRequestOf(target, request, size)));
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

function keyOf({ credential, providerModel }: Target): PaceKey {
  return { credential: credential.id, model: providerModel };
}

function paceRequestOf(target: Target, { deadlineAt, signal }: AnswerRequest, { promptTokens, maxOutputTokens }: CallSize): PaceRequest {
  return { key: keyOf(target), tokens: promptTokens + maxOutputTokens, priority: 'live', deadlineAt, signal };
}
