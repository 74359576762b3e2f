import { Inject, Injectable, Logger } from '@nestjs/common';
import type { AppError } from '../../../kernel/app-error.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import { Admission, type EffectiveLimits, planErrors, PlanLimits, type Rate, requireTrial, type TurnPlace } from '../../plans/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import { chatErrors } from '../chat.errors.ts';

/** Length of the window of a visitor's rate, in seconds. */
const windowSeconds = 60;

/** As many turns run at once as may. A copy of a send that was accepted is no further turn, and joins its own all the same. */
export class AllPlacesTaken extends Error {
  override name = 'AllPlacesTaken';

  constructor(
    readonly limits: EffectiveLimits,
    readonly rate: Rate,
    readonly refusal: AppError,
  ) {
    super(refusal.message);
  }
}

/** Rates and turns at once: asked at a send in one round trip to Redis, before anything is written. */
@Injectable()
export class TurnDoor {
  private readonly logger = new Logger(TurnDoor.name);

  constructor(
    private readonly plans: PlanLimits,
    private readonly admission: Admission,
    @Inject(chatConfig.token) private readonly config: ChatConfig,
  ) {}

  /**
   * Counts a send and takes a place for its turn. Gives what holds for the tenant, and what is left of the visitor's rate. Throws 429 with the wait, and
   * then nothing was taken; AllPlacesTaken where only a place is missing. Rejects when Redis is away.
   */
  async enter(place: TurnPlace): Promise<{ limits: EffectiveLimits; rate: Rate }> {
    const limits = await this.plans.of(place.tenantId);
    requireTrial(limits);
    const { messages, refused } = await this.admission.enter(place, limits.limits, this.config.messagesPerMinute);
    if (refused === undefined) return { limits, rate: messages };
    const { limit, quota, retryAfter } = refused;
    if (limit === 'visitor_messages_per_minute') throw chatErrors.tooFast(retryAfter, rateHeaders(messages));
    if (limit !== 'requests_per_minute') throw new AllPlacesTaken(limits, messages, planErrors.quotaExceeded({ limit, quota, retryAfter }));
    throw planErrors.quotaExceeded({ limit, quota, retryAfter, window: windowSeconds });
  }

  /** Gives a turn's place back. Nobody waits for it. */
  leave(place: TurnPlace): void {
    void this.admission.leave(place);
  }

  /** Holds the places of turns that run here, also of those that came in elsewhere. */
  hold(places: readonly TurnPlace[]): void {
    this.admission.renew(places).catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'places could not be held'));
  }
}

/** The rate as response headers: IETF draft-ietf-httpapi-ratelimit-headers-11, and OpenAI's own for its clients. */
export function rateHeaders({ limit, remaining, resetSeconds }: Rate): Record<string, string> {
  return {
    ratelimit: `"messages";r=${remaining};t=${resetSeconds}`,
    'ratelimit-policy': `"messages";q=${limit};w=${windowSeconds}`,
    'x-ratelimit-limit-requests': String(limit),
    'x-ratelimit-remaining-requests': String(remaining),
    'x-ratelimit-reset-requests': `${resetSeconds}s`,
  };
}
