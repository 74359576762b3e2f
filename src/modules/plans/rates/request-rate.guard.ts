import { type CanActivate, type ExecutionContext, Injectable, Logger, SetMetadata } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { callerHolder } from '../../../platform/http/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import { PlanLimits } from '../limits/plan-limits.ts';
import { planErrors } from '../plans.errors.ts';
import { Admission, type Rate, windowSeconds } from './admission.ts';

/** Longest wait for the count, in milliseconds: a request is not to suffer for Redis being silent. */
const answerWithinMs = 500;

const countedKey = 'parley:counted-at-admission';

/** Marks a route whose service counts the request itself (`Admission.enter`), so that it does not count twice. */
export const CountedAtAdmission = (): MethodDecorator => SetMetadata(countedKey, true);

/**
 * Holds a tenant's requests over HTTP to its plan's rate, and says in the answer's headers what is left. Comes after the access guard: who is
 * refused there costs nobody anything, and public routes belong to no tenant. What cannot be counted goes on: rates protect
 * from floods, money is guarded in Postgres.
 */
@Injectable()
export class RequestRateGuard implements CanActivate {
  private readonly logger = new Logger(RequestRateGuard.name);
  private saidAway = false;

  constructor(
    private readonly limits: PlanLimits,
    private readonly admission: Admission,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http' || Reflect.getMetadata(countedKey, context.getHandler()) === true) return true;
    const { principal } = callerHolder(context);
    if (principal === undefined) return true;
    const taken = await this.take(principal.tenantId);
    if (taken === undefined) return true;
    const { rate, refused } = taken;
    if (refused)
      throw planErrors.quotaExceeded({
        limit: 'requests_per_minute',
        quota: rate.limit,
        retryAfter: rate.resetSeconds,
        window: windowSeconds,
      });
    void context.switchToHttp().getResponse<FastifyReply>().headers(requestRateHeaders(rate));
    return true;
  }

  private async take(tenantId: string): Promise<{ rate: Rate; refused: boolean } | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('requests were not counted in time')), answerWithinMs);
    });
    try {
      const taken = await Promise.race([this.count(tenantId), late]);
      this.saidAway = false;
      return taken;
    } catch (error) {
      if (!this.saidAway) this.logger.warn({ error: safeError(error) }, 'requests cannot be counted; letting them pass');
      this.saidAway = true;
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  private async count(tenantId: string) {
    return this.admission.takeRequest(tenantId, (await this.limits.of(tenantId)).limits);
  }
}

/** A tenant's rate of requests as response headers (draft-ietf-httpapi-ratelimit-headers-11). */
export function requestRateHeaders({ limit, remaining, resetSeconds }: Rate): Record<string, string> {
  return {
    'ratelimit-policy': `"requests_per_minute";q=${limit};w=${windowSeconds}`,
    ratelimit: `"requests_per_minute";r=${remaining};t=${resetSeconds}`,
  };
}
