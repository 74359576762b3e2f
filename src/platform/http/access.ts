import { applyDecorators, createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import { ApiBearerAuth, ApiExtension } from '@nestjs/swagger';
import { commonErrors } from '../../kernel/app-error.ts';
import type { Permission } from '../../kernel/permissions.ts';
import type { Principal } from '../../kernel/principal.ts';

/** What a route or gateway message asks of its caller: a permission, any valid credential, or nothing. */
export type AccessRule = Permission | 'authenticated' | 'public';

const accessKey = 'parley:access';
const stepUpKey = 'parley:step-up';

/** What else a route asks for. */
export interface AccessOptions {
  /** A dangerous act: a member with a second factor must have proven themself within the last minutes. */
  stepUp?: boolean;
}

/**
 * Says who may call a route or gateway message, and says it in OpenAPI too. Mandatory: the server does not start while
 * one lacks it, and the guard refuses what has none.
 */
export function Access(rule: AccessRule, { stepUp = false }: AccessOptions = {}): MethodDecorator {
  const marks = rule === 'public' ? [] : [ApiBearerAuth('bearer'), ApiExtension('x-permission', rule)];
  const danger = stepUp ? [SetMetadata(stepUpKey, true), ApiExtension('x-step-up', true)] : [];
  return applyDecorators(SetMetadata(accessKey, rule), ...marks, ...danger);
}

/** Whether a handler's act is a dangerous one. */
export function asksForStepUp(handler: object): boolean {
  return Reflect.getMetadata(stepUpKey, handler) === true;
}

/** The rule of a handler, or undefined when it has none. */
export function accessRuleOf(handler: object): AccessRule | undefined {
  return Reflect.getMetadata(accessKey, handler) as AccessRule | undefined;
}

/** Something that carries its caller: an HTTP request or a chat socket. */
export interface PrincipalHolder {
  principal?: Principal;
}

/** The HTTP request or socket of a handler's context. */
export function callerHolder(context: ExecutionContext): PrincipalHolder {
  return context.getType() === 'ws'
    ? context.switchToWs().getClient<PrincipalHolder>()
    : context.switchToHttp().getRequest<PrincipalHolder>();
}

/** Parameter decorator: the caller's principal. Throws 401 when there is none. */
export const Caller = createParamDecorator((_data: unknown, context: ExecutionContext): Principal => {
  const { principal } = callerHolder(context);
  if (principal === undefined) throw commonErrors.unauthenticated();
  return principal;
});
