import { Inject, Injectable, Logger } from '@nestjs/common';
import { AppError } from '../../../kernel/app-error.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import {
  Admission,
  type EffectiveLimits,
  planErrors,
  PlanLimits,
  type Rate,
  type RateRefusal,
  requireTrial,
  type TurnPlace,
} from '../../plans/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import { chatErrors } from '../chat.errors.ts';

/** Length of the window of a visitor's rate, in seconds. */
const windowSeconds = 60;

/** A send that may not come in: nothing was taken. A copy of a send that was accepted is nothing new, and joins its turn all the same. */
export class TurnedAway extends Error {
  override name = 'TurnedAway';

  constructor(
    /** What is left of the visitor's messages. */
    readonly rate: Rate,
    readonly refusal: AppError,
    /** Whether to look: too many of a visitor in a minute are refused without a look. */
    readonly mayBeCopy: boolean,
  ) {
    super(refusal.message);
  }
}

/** A send that came in. */
export interface Entered {
  limits: EffectiveLimits;
  /** What is left of the visitor's messages. */
  rate: Rate;
  /** Takes back what it was let in with: it is a copy of one that came in before. Gives what is left of the visitor's messages then. */
  takeBack: () => Rate;
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
   * Counts a send and takes a place for its turn. Throws TurnedAway, with a 429 that says the wait, where a limit refuses or the trial is over; then nothing
   * was taken. Rejects when Redis is away.
   */
  async enter(place: TurnPlace): Promise<Entered> {
    const limits = await this.plans.of(place.tenantId);
    await this.checkTrial(place, limits);
    const { messagesPerMinute } = this.config;
    const { messages: rate, refused, mayBeCopy, countedIn } = await this.admission.enter(place, limits.limits, messagesPerMinute);
    if (refused !== undefined) throw new TurnedAway(rate, refusalOf(refused, rate), mayBeCopy);
    const takeBack = () => {
      void this.admission.takeBack(place, countedIn, messagesPerMinute);
      return { ...rate, remaining: Math.min(rate.limit, rate.remaining + 1) };
    };
    return { limits, rate, takeBack };
  }

  /** Gives a turn's place back. Nobody waits for it. */
  leave(place: TurnPlace): void {
    void this.admission.leave(place);
  }

  /** Holds the places of turns that run here, also of those that came in elsewhere. */
  hold(places: readonly TurnPlace[]): void {
    this.admission.renew(places).catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'places could not be held'));
  }

  private async checkTrial(place: TurnPlace, limits: EffectiveLimits): Promise<void> {
    try {
      requireTrial(limits);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      // Nothing comes in where there is room for no turn; what is left of the rate is told all the same.
      const { messages, mayBeCopy } = await this.admission.enter(
        place,
        { ...limits.limits, turns_at_once: 0 },
        this.config.messagesPerMinute,
      );
      throw new TurnedAway(messages, error, mayBeCopy);
    }
  }
}

function refusalOf({ limit, quota, retryAfter }: RateRefusal, messages: Rate): AppError {
  if (limit === 'visitor_messages_per_minute') return chatErrors.tooFast(retryAfter, rateHeaders(messages));
  const window = limit === 'requests_per_minute' ? { window: windowSeconds } : {};
  return planErrors.quotaExceeded({ limit, quota, retryAfter, ...window });
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
