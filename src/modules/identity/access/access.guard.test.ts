import 'reflect-metadata';
import type { ExecutionContext } from '@nestjs/common';
import { expect, test } from 'vitest';
import { commonErrors } from '../../../kernel/app-error.ts';
import { newUuid } from '../../../kernel/ids.ts';
import { rolePermissions, visitorPermissions } from '../../../kernel/permissions.ts';
import type { Principal } from '../../../kernel/principal.ts';
import type { AuditEntry, AuditRefusals } from '../../../platform/audit/index.ts';
import { Access, type PrincipalHolder } from '../../../platform/http/index.ts';
import { AcceptsTicket } from './accepts-ticket.ts';
import { AccessGuard } from './access.guard.ts';
import type { AuthenticateOptions, Authenticator } from './authenticator.ts';

class Handlers {
  bare() {}
  @Access('public') open() {}
  @Access('authenticated') any() {}
  @Access('bot.create') make() {}
  @Access('chat.send') @AcceptsTicket() chat() {}
}

const tenantId = newUuid();
const viewer: Principal = {
  kind: 'user',
  tenantId,
  userId: newUuid(),
  sessionId: newUuid(),
  role: 'viewer',
  permissions: rolePermissions.viewer,
};
const developer: Principal = { ...viewer, role: 'developer', permissions: rolePermissions.developer };
const visitor: Principal = {
  kind: 'visitor',
  tenantId,
  visitorId: newUuid(),
  botId: newUuid(),
  vouchedBy: { kind: 'api_key', id: newUuid() },
  permissions: visitorPermissions,
};

const authenticator = {
  authenticate: async (bearer: string, options: AuthenticateOptions) => {
    if (bearer === 'viewer') return viewer;
    if (bearer === 'developer') return developer;
    if (bearer === 'ticket' && options.ticket === true && options.origin === 'https://shop.example') return visitor;
    throw commonErrors.unauthenticated();
  },
} as unknown as Authenticator;
const refused: [string, AuditEntry][] = [];
const refusals = { note: (tenant: string, entry: AuditEntry) => void refused.push([tenant, entry]) } as unknown as AuditRefusals;
const guard = new AccessGuard(authenticator, refusals);

function context(type: string, handler: keyof Handlers, holder: object): ExecutionContext {
  return {
    getType: () => type,
    getHandler: () => Handlers.prototype[handler],
    switchToHttp: () => ({ getRequest: () => holder }),
    switchToWs: () => ({ getClient: () => holder }),
  } as unknown as ExecutionContext;
}

function http(handler: keyof Handlers, bearer?: string, more: object = {}) {
  const headers = { ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }), ...more };
  const request: PrincipalHolder & { raw: object } = { raw: { headers, rawHeaders: [] }, ...{ headers } };
  return { request, passed: guard.canActivate(context('http', handler, request)) };
}

test('a handler without a rule is refused, whoever calls', async () => {
  await expect(http('bare', 'developer').passed).rejects.toMatchObject({ status: 403 });
  await expect(guard.canActivate(context('ws', 'bare', { principal: developer }))).rejects.toMatchObject({ status: 403 });
});

test('a transport that nobody thought of is refused', async () => {
  await expect(guard.canActivate(context('rpc', 'open', {}))).rejects.toMatchObject({ status: 403 });
});

test('a public handler passes without a principal, even with a credential', async () => {
  const { request, passed } = http('open', 'developer');
  expect(await passed).toBe(true);
  expect(request.principal).toBeUndefined();
});

test('without a credential, or with a wrong one, the answer is 401', async () => {
  await expect(http('any').passed).rejects.toMatchObject({ status: 401 });
  await expect(http('any', 'nobody').passed).rejects.toMatchObject({ status: 401 });
});

test('a principal that somebody has put on the request does not count', async () => {
  const request = { headers: {}, raw: { headers: {}, rawHeaders: [] }, principal: developer };
  await expect(guard.canActivate(context('http', 'make', request))).rejects.toMatchObject({ status: 401 });
});

test('the permission decides', async () => {
  const { request, passed } = http('make', 'developer');
  expect(await passed).toBe(true);
  expect(request.principal).toBe(developer);
  expect(await http('any', 'viewer').passed).toBe(true);
  expect(refused).toEqual([]);
  await expect(http('make', 'viewer').passed).rejects.toMatchObject({ status: 403 });
  const actor = { kind: 'user', id: viewer.userId };
  const object = { kind: 'permission', id: 'bot.create' };
  expect(refused).toEqual([[tenantId, { actor, action: 'access.refuse', object, outcome: 'refused' }]]);
});

test('tickets count only where the handler accepts them, with the origin of the request', async () => {
  expect(await http('chat', 'ticket', { origin: 'https://shop.example' }).passed).toBe(true);
  await expect(http('chat', 'ticket', { origin: 'https://evil.example' }).passed).rejects.toMatchObject({ status: 401 });
  await expect(http('any', 'ticket', { origin: 'https://shop.example' }).passed).rejects.toMatchObject({ status: 401 });
});

test('a socket stands on the principal of its upgrade until that expires', async () => {
  const on = (principal: Principal | undefined, handler: keyof Handlers = 'chat') =>
    guard.canActivate(context('ws', handler, { principal }));
  expect(await on(visitor)).toBe(true);
  expect(await on({ ...developer, expiresAt: Date.now() + 60_000 })).toBe(true);
  await expect(on({ ...developer, expiresAt: Date.now() - 1 })).rejects.toMatchObject({ status: 401 });
  await expect(on(undefined)).rejects.toMatchObject({ status: 401 });
  await expect(on(visitor, 'make')).rejects.toMatchObject({ status: 403 });
});
