import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { publicId } from '../../../kernel/ids.ts';
import type { PaceLimitView, PaceView } from '../pacing/pace.ts';
import { Pacer } from '../pacing/pacer.ts';
import { TargetHealths } from '../routing/target-healths.ts';
import { watchTargets } from './model-metrics.ts';

/** How every target stands at this replica, the one asked last first. */
@Injectable()
export class ModelHealth implements OnApplicationShutdown {
  private readonly unwatch: () => void;

  constructor(
    private readonly healths: TargetHealths,
    private readonly pacer: Pacer,
  ) {
    this.unwatch = watchTargets(() => healths.all());
  }

  onApplicationShutdown(): void {
    this.unwatch();
  }

  view() {
    const paces = new Map(this.pacer.view().map((pace) => [`${pace.key.credential}|${pace.key.model}`, pace]));
    const targets = this.healths.all().map(({ target, health }) => ({
      target: target.name,
      owner: target.credential.owner.kind,
      ...(target.credential.owner.kind === 'tenant' ? { tenant_id: publicId('tenant', target.credential.owner.tenantId) } : {}),
      model: target.model,
      provider_model: target.providerModel,
      breaker: {
        state: health.breaker.state,
        share: health.breaker.share,
        try_again_in_ms: health.breaker.tryAgainInMs ?? null,
      },
      credential: this.healths.credentials.isGood(target.credential) ? 'ok' : 'refused',
      calls: { total: health.calls, running: health.breaker.running, waiting: health.waiting },
      outcomes: Object.fromEntries(health.outcomes),
      latency_ms: health.latency().total,
      first_text_ms: health.latency().firstText,
      tokens: health.tokens,
      retries_left: health.budget.left(),
      rate_limits: limitsOf(paces.get(target.key)),
    }));
    return { object: 'model_health' as const, targets: targets.toReversed() };
  }
}

/** Per minute, as learned from the provider; null where it has said nothing. */
function limitsOf(pace: PaceView | undefined) {
  if (pace === undefined) return null;
  const of = ({ limit, remaining }: PaceLimitView) => ({ limit: limit ?? null, remaining: remaining ?? null });
  const pausedUntil = pace.pausedUntil === undefined ? null : new Date(pace.pausedUntil).toISOString();
  return { requests: of(pace.requests), tokens: of(pace.tokens), paused_until: pausedUntil };
}
