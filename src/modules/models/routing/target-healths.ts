import { Inject, Injectable, Logger } from '@nestjs/common';
import { modelMetrics, metricName } from '../health/model-metrics.ts';
import { type ModelsConfig, modelsConfig } from '../models.config.ts';
import { CredentialHealth } from './credential-health.ts';
import { Refusals } from './refusals.ts';
import type { Target } from './target.ts';
import { TargetHealth } from './target-health.ts';

/** Targets remembered at most; those that were asked longest ago go first. */
const maxRemembered = 5_000;

/** How often the same may be logged of one target, in milliseconds. */
const logEveryMs = 60_000;

/** The health of every target that this replica has asked of late. */
@Injectable()
export class TargetHealths {
  readonly credentials = new CredentialHealth();
  private readonly logger = new Logger(TargetHealths.name);
  private readonly refusals = new Refusals();
  private readonly known = new Map<string, { target: Target; health: TargetHealth; loggedAt: Map<string, number> }>();

  constructor(@Inject(modelsConfig.token) private readonly config: ModelsConfig) {}

  of(target: Target): TargetHealth {
    const found = this.known.get(target.key);
    const health = found?.health ?? this.make(target);
    this.known.delete(target.key);
    this.known.set(target.key, { target, health, loggedAt: found?.loggedAt ?? new Map() });
    if (this.known.size > maxRemembered) this.known.delete(this.known.keys().next().value as string);
    return health;
  }

  /** Whether a target may be asked like any other. On its way back a target is so for its share of the questions. */
  admits(target: Target): boolean {
    if (!this.credentials.isGood(target.credential) || this.refusals.isAtRest(versionOf(target))) return false;
    return this.of(target).breaker.admits();
  }

  /** A provider does not serve this model under this credential: only who has nobody else asks it again for a while. */
  refuseTarget(target: Target): void {
    if (this.refusals.add(versionOf(target))) this.warn(target, 'model_target_refused', 'the provider does not serve this model');
  }

  /** A provider has taken a call of it. */
  accept(target: Target): void {
    this.credentials.accept(target.credential);
    this.refusals.forget(versionOf(target));
  }

  /** Every known target with its health, the one asked last at the end. */
  all(): { target: Target; health: TargetHealth }[] {
    return [...this.known.values()];
  }

  /** A provider has refused a credential. */
  refuseCredential(target: Target): void {
    if (!this.credentials.refuse(target.credential)) return;
    this.logger.warn({ event: 'model_credential_refused', target: target.name, credential: target.credential.id }, 'credential refused');
  }

  /** A retry of a target was made; or not, because it has had its share of them. */
  tellRetries(target: Target, made: boolean): void {
    if (!made) modelMetrics.retriesRefused.inc({ target: metricName(target) });
    const { budget } = this.of(target);
    if (!made) this.warn(target, 'model_retry_budget_empty', 'no retries left for this target');
    else if (budget.isLow) this.warn(target, 'model_retry_budget_low', `${budget.left()} retries left for this target`);
  }

  private warn(target: Target, event: string, message: string): void {
    const known = this.known.get(target.key);
    if (performance.now() - (known?.loggedAt.get(event) ?? Number.NEGATIVE_INFINITY) < logEveryMs) return;
    known?.loggedAt.set(event, performance.now());
    this.logger.warn({ event, target: target.name }, message);
  }

  private make(target: Target): TargetHealth {
    const budget = { ratio: this.config.retryRatio, floorPerSecond: this.config.retriesPerSecond };
    const health: TargetHealth = new TargetHealth(target.name, budget, this.config.headersTimeoutMs, (state) => {
      modelMetrics.breakerShare.set({ target: metricName(target) }, health.breaker.share);
      if (state === 'restoring') return this.logger.log({ event: 'model_breaker_restoring', target: target.name }, 'breaker restoring');
      this.logger.warn({ event: `model_breaker_${state}`, target: target.name }, `breaker ${state}`);
    });
    return health;
  }
}

/** A credential that was changed may be allowed more. */
function versionOf({ key, credential }: Target): string {
  return `${key}|${credential.version}`;
}
