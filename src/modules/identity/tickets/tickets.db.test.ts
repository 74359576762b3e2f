import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUuid } from '../../../kernel/ids.ts';
import { rolePermissions } from '../../../kernel/permissions.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { changed } from '../../../platform/database/index.ts';
import { redisKeys, RedisConnections } from '../../../platform/redis/index.ts';
import { testStack } from '../../../../test/support/stack.ts';
import { Authenticator } from '../access/authenticator.ts';
import { CredentialWatch } from '../access/credential-watch.ts';
import { ApiKeys } from '../api-keys/api-keys.service.ts';
import { SignUp } from '../sign-in/sign-up.service.ts';
import { Visitors } from '../visitors/visitors.service.ts';
import { Tickets, type TicketSubject } from './tickets.ts';

let stack: Awaited<ReturnType<typeof testStack>>;
let tickets: Tickets;
beforeAll(async () => {
  stack = await testStack();
  tickets = stack.app.get(Tickets);
});
afterAll(() => stack.close());

/** A fresh tenant with one key, and the key as a principal. */
async function tenantWithKey(): Promise<{ subject: TicketSubject; key: string; principal: Principal }> {
  const { tenantId } = await stack.app
    .get(SignUp)
    .signUp({ email: `${newUuid()}@example.com`, password: 'correct horse', tenantName: 'Acme' });
  const grantor = { tenantId, actor: { kind: 'system' as const, id: 'test' }, permissions: rolePermissions.owner };
  const { key } = await stack.app.get(ApiKeys).create(grantor, { name: 'ci', kind: 'secret', mode: 'live' });
  const principal = await stack.app.get(Authenticator).authenticate(key);
  if (principal.kind !== 'api_key') throw new Error('not a key');
  const { id: visitorId } = await stack.app.get(Visitors).createAnonymous(tenantId);
  const subject = { tenantId, botId: newUuid(), visitorId, vouchedBy: { kind: 'api_key' as const, id: principal.keyId } };
  return { subject, key, principal };
}

test('the ticket of a visitor who is not there (any more) lets nobody in', async () => {
  const { subject } = await tenantWithKey();
  const { ticket } = await tickets.issue({ ...subject, visitorId: newUuid() });
  await expect(tickets.redeem(ticket)).rejects.toMatchObject(invalid);
});

const invalid = { status: 401, code: 'ticket_invalid' };

test('of twenty parallel redemptions exactly one is let in', async () => {
  const { subject } = await tenantWithKey();
  const { ticket } = await tickets.issue(subject);
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => tickets.redeem(ticket)));
  const won = results.filter((result) => result.status === 'fulfilled');
  expect(won).toHaveLength(1);
  expect(won[0]?.value).toMatchObject({ kind: 'visitor', ...subject });
  for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject(invalid);
});

test('Redis holds the ticket neither in its key nor for longer than its life', async () => {
  const { subject } = await tenantWithKey();
  const redis = stack.app.get(RedisConnections).commands;
  const { ticket, expiresAt } = await tickets.issue(subject);
  expect(expiresAt.getTime() - Date.now()).toBeLessThanOrEqual(30_000);
  const keys = await redis.keys('ticket:*');
  expect(keys.length).toBeGreaterThan(0);
  expect(keys.join()).not.toContain(ticket.slice(4));
  for (const key of keys) expect(await redis.ttl(key)).toBeLessThanOrEqual(30);
});

test('unknown, malformed and lost tickets are refused alike', async () => {
  const { subject } = await tenantWithKey();
  const { ticket } = await tickets.issue(subject);
  for (const other of [`tkt_${'A'.repeat(43)}`, 'tkt_', '', `${ticket}x`])
    await expect(tickets.redeem(other)).rejects.toMatchObject(invalid);
  const hash = stack.app.get(KeyedHash).of('ticket', ticket).toString('hex');
  expect(await stack.app.get(RedisConnections).commands.del(redisKeys.ticket(hash))).toBe(1);
  await expect(tickets.redeem(ticket)).rejects.toMatchObject(invalid);
});

test('a ticket bound to an origin is good from there alone, and used up by the try', async () => {
  const { subject } = await tenantWithKey();
  const origin = 'https://shop.example';
  for (const other of [undefined, 'null', 'https://evil.example', 'https://shop.example.evil.example', 'http://shop.example']) {
    const { ticket } = await tickets.issue({ ...subject, origin });
    await expect(tickets.redeem(ticket, other)).rejects.toMatchObject({ status: 403, code: 'origin_not_allowed' });
    await expect(tickets.redeem(ticket, origin)).rejects.toMatchObject(invalid);
  }
  const { ticket } = await tickets.issue({ ...subject, origin });
  await expect(tickets.redeem(ticket, origin)).resolves.toMatchObject({ kind: 'visitor' });
});

test('a ticket dies with the key that vouched for it, and with its tenant', async () => {
  for (const sql of ['UPDATE api_keys SET revoked_at = now()', `UPDATE tenants SET status = 'suspended'`]) {
    const { subject } = await tenantWithKey();
    const { ticket } = await tickets.issue(subject);
    await stack.db.forTenant(subject.tenantId, (tx) => changed(tx, sql));
    await expect(tickets.redeem(ticket)).rejects.toMatchObject(invalid);
  }
});

test('a ticket is a bearer credential only where it is asked for', async () => {
  const { subject } = await tenantWithKey();
  const { ticket } = await tickets.issue(subject);
  const authenticator = stack.app.get(Authenticator);
  await expect(authenticator.authenticate(ticket)).rejects.toMatchObject({ status: 401, code: 'unauthenticated' });
  await expect(authenticator.authenticate(ticket, { ticket: true })).resolves.toMatchObject({
    kind: 'visitor',
    visitorId: subject.visitorId,
  });
});

test('the watch tells live credentials from dead ones, many at a time and in order', async () => {
  const watch = stack.app.get(CredentialWatch);
  const [mine, other] = [await tenantWithKey(), await tenantWithKey()];
  const visitorOf = ({ subject }: typeof mine): Principal => ({ kind: 'visitor', ...subject, permissions: new Set() });
  const asked = [mine.principal, visitorOf(mine), other.principal, visitorOf(other), { ...mine.principal, expiresAt: Date.now() - 1 }];
  expect(await watch.check(asked)).toEqual([true, true, true, true, false]);
  await stack.db.forTenant(mine.subject.tenantId, (tx) => changed(tx, 'UPDATE api_keys SET revoked_at = now()'));
  expect(await watch.check(asked)).toEqual([false, false, true, true, false]);
  // The right id in another tenant is nobody.
  expect(await watch.check([{ ...other.principal, tenantId: mine.subject.tenantId }])).toEqual([false]);
  expect(await watch.check([])).toEqual([]);
});

test('the watch sees a changed role and a suspended tenant', async () => {
  const watch = stack.app.get(CredentialWatch);
  const body = { email: `${newUuid()}@example.com`, password: 'correct horse', tenant_name: 'Acme' };
  const session = (await stack.request('POST', '/v1/auth/sign-up', { body })).body as { access_token: string };
  const user = await stack.app.get(Authenticator).authenticate(session.access_token);
  expect(await watch.check([user])).toEqual([true]);
  await stack.db.forTenant(user.tenantId, (tx) => changed(tx, `UPDATE memberships SET role = 'viewer'`));
  expect(await watch.check([user])).toEqual([false]);
  await stack.db.forTenant(user.tenantId, (tx) => changed(tx, `UPDATE memberships SET role = 'owner'`));
  expect(await watch.check([user])).toEqual([true]);
  await stack.db.forTenant(user.tenantId, (tx) => changed(tx, `UPDATE tenants SET status = 'suspended'`));
  expect(await watch.check([user])).toEqual([false]);
});
