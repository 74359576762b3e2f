import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { commonErrors } from '../../../kernel/app-error.ts';
import { clock } from '../../../kernel/clock.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { actorOf, AuditRefusals } from '../../../platform/audit/index.ts';
import { type AccessRule, accessRuleOf, asksForStepUp, callerHolder, type PrincipalHolder } from '../../../platform/http/index.ts';
import { identityErrors } from '../identity.errors.ts';
import { acceptsTicket } from './accepts-ticket.ts';
import { Authenticator } from './authenticator.ts';
import { bearerOf } from './bearer.ts';

/**
 * The one guard, for every route and gateway message. It goes by the handler that is about to run, never by the path, so
 * that no spelling of a URL gets past it. A handler without a rule is refused.
 */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly refusals: AuditRefusals,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const handler = context.getHandler();
    const rule = accessRuleOf(handler);
    const transport = context.getType<string>();
    if (rule === undefined || (transport !== 'http' && transport !== 'ws')) throw commonErrors.forbidden();
    if (rule === 'public') return true;
    const holder = callerHolder(context);
    if (transport === 'http') holder.principal = await this.authenticated(context.switchToHttp().getRequest<FastifyRequest>(), handler);
    const principal = current(holder);
    this.permit(principal, rule);
    requireAssurance(principal, { own: rule === 'authenticated', stepUp: asksForStepUp(handler) });
    return true;
  }

  private permit(principal: Principal, rule: AccessRule): void {
    if (rule === 'authenticated' || rule === 'public' || principal.permissions.has(rule)) return;
    const object = { kind: 'permission', id: rule } as const;
    this.refusals.note(principal.tenantId, { actor: actorOf(principal), action: 'access.refuse', object, outcome: 'refused' });
    throw commonErrors.forbidden();
  }

  private authenticated(request: FastifyRequest, handler: object): Promise<Principal> {
    const bearer = bearerOf(request.raw);
    if (bearer === undefined) throw commonErrors.unauthenticated();
    return this.authenticator.authenticate(bearer, { ticket: acceptsTicket(handler), origin: request.headers.origin });
  }
}

/** How long a proof counts for a dangerous act, in seconds. */
export const stepUpSeconds = 600;

/**
 * A member must be as sure as the tenant demands: without a second factor where one is demanded they reach only what is about their own
 * account (`own`), to get one. For a dangerous act whoever has a factor must have shown it lately. Keys have no second factor: their scopes limit them.
 */
function requireAssurance(principal: Principal, { own, stepUp }: { own: boolean; stepUp: boolean }): void {
  if (principal.kind !== 'user' || principal.assurance === undefined) return;
  const { strong, provenAt, factorHeld, factorDemanded } = principal.assurance;
  if (factorDemanded && !strong && !own)
    throw factorHeld ? identityErrors.stepUpRequired(stepUpSeconds) : identityErrors.secondFactorDemanded();
  if (stepUp && factorHeld && (!strong || provenAt + stepUpSeconds * 1_000 <= clock.now()))
    throw identityErrors.stepUpRequired(stepUpSeconds);
}

/** A socket got its principal at the upgrade, which may be long ago. */
function current({ principal }: PrincipalHolder): Principal {
  if (principal === undefined) throw commonErrors.unauthenticated();
  if (principal.expiresAt !== undefined && principal.expiresAt <= clock.now())
    throw commonErrors.unauthenticated('The credential has expired.');
  return principal;
}
