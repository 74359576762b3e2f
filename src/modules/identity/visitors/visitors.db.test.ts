import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUuid, publicId } from '../../../kernel/ids.ts';
import { KeyChanges, KeyedHash, KeyRing } from '../../../platform/crypto/index.ts';
import { changed, row, rows } from '../../../platform/database/index.ts';
import { testStack } from '../../../../test/support/stack.ts';
import { SignUp } from '../sign-in/sign-up.service.ts';
import { VisitorTokens } from './visitor-tokens.ts';
import { VisitorsRepository } from './visitors.repository.ts';
import { Visitors } from './visitors.service.ts';

let stack: Awaited<ReturnType<typeof testStack>>;
let visitors: Visitors;
let tenantId: string;
let otherTenantId: string;

beforeAll(async () => {
  stack = await testStack();
  visitors = stack.app.get(Visitors);
  const signUp = async () =>
    (await stack.app.get(SignUp).signUp({ email: `${newUuid()}@example.com`, password: 'correct horse', tenantName: 'Acme' })).tenantId;
  [tenantId, otherTenantId] = [await signUp(), await signUp()];
});
afterAll(() => stack.close());

test('one external id is one visitor, however many ask at once; another tenant has its own', async () => {
  // Each asks a service of its own, so that none profits from what another remembers.
  const fresh = () =>
    new Visitors(stack.db, stack.app.get(VisitorsRepository), stack.app.get(KeyedHash), stack.app.get(KeyRing), stack.app.get(KeyChanges));
  const found = await Promise.all(Array.from({ length: 12 }, () => fresh().resolve(tenantId, 'ada')));
  expect(new Set(found.map(({ id }) => id)).size).toBe(1);
  expect((await visitors.resolve(tenantId, 'ada')).id).toBe(found[0]?.id);
  expect((await visitors.resolve(otherTenantId, 'ada')).id).not.toBe(found[0]?.id);
});

test('external ids come back decrypted to their own tenant only, and are not stored in clear', async () => {
  const visitor = await visitors.resolve(tenantId, 'ada-lovelace@example.com');
  expect(await visitors.byId(tenantId, [visitor.id, newUuid()])).toEqual(new Map([[visitor.id, 'ada-lovelace@example.com']]));
  expect(await visitors.byId(otherTenantId, [visitor.id])).toEqual(new Map());
  const stored = await stack.db.forTenant(tenantId, (tx) =>
    rows<{ externalId: Buffer }>(tx, 'SELECT external_id AS "externalId" FROM visitors'),
  );
  for (const { externalId } of stored) expect(externalId.toString('latin1')).not.toContain('lovelace');
});

test('an anonymous visitor is named by their own id', async () => {
  const visitor = await visitors.createAnonymous(tenantId);
  expect(visitor.externalId).toBe(publicId('visitor', visitor.id));
  expect(await visitors.resolve(tenantId, visitor.externalId)).toEqual(visitor);
});

test('external ids have 1 to 200 characters', async () => {
  for (const text of ['', 'x'.repeat(201)]) await expect(visitors.resolve(tenantId, text)).rejects.toMatchObject({ status: 400 });
});

test('a visitor whose key is erased is left out, the others are not', async () => {
  const [kept, erased] = [await visitors.resolve(tenantId, 'kept'), await visitors.resolve(tenantId, 'erased')];
  await stack.app.get(KeyRing).eraseVisitorKey(tenantId, erased.id);
  expect(await visitors.byId(tenantId, [kept.id, erased.id])).toEqual(new Map([[kept.id, 'kept']]));
});

test('a visitor token stands for its visitor until they are gone', async () => {
  const tokens = stack.app.get(VisitorTokens);
  const visitor = await visitors.createAnonymous(tenantId);
  const subject = { tenantId, botId: newUuid(), visitorId: visitor.id };
  const token = await tokens.issue(subject);
  expect(await tokens.verify(token)).toEqual(subject);
  await stack.db.forTenant(tenantId, (tx) => changed(tx, 'DELETE FROM visitors WHERE id = $1', [visitor.id]));
  await expect(tokens.verify(token)).rejects.toMatchObject({ status: 401, code: 'visitor_token_invalid' });
  expect(await stack.db.forTenant(tenantId, (tx) => row(tx, 'SELECT 1 FROM visitors WHERE id = $1', [visitor.id]))).toBeUndefined();
});
