import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { newUuid } from '../../kernel/ids.ts';
import type { ContentKey } from './envelope.ts';
import { KeyCache } from './key-cache.ts';

const tenantId = newUuid();
const newKey = (): ContentKey => ({ id: newUuid(), tenantId, bytes: randomBytes(32) });

test('P9: no more keys are held than the bound says; the oldest go first', () => {
  const cache = new KeyCache(3, 60_000);
  const keys = Array.from({ length: 10 }, newKey);
  for (const key of keys) cache.rememberKey(cache.asOf, tenantId, key.id, key.id, key);
  expect(cache.size).toBe(3);
  expect(keys.map(({ id }) => cache.key(id) !== undefined)).toEqual([...Array.from({ length: 7 }, () => false), true, true, true]);
});

test('all versions of a subject go at once, and those of others stay', () => {
  const cache = new KeyCache(10, 60_000);
  const [subject, other] = [newUuid(), newUuid()];
  const [newer, older, foreign] = [newKey(), newKey(), newKey()];
  for (const key of [newer, older]) cache.rememberKey(cache.asOf, tenantId, subject, key.id, key);
  cache.rememberVersions(cache.asOf, tenantId, subject, [newer, older]);
  cache.rememberKey(cache.asOf, tenantId, other, foreign.id, foreign);
  cache.forget(tenantId, subject);
  expect([cache.key(newer.id), cache.key(older.id), cache.versions(tenantId, subject)]).toEqual([undefined, undefined, undefined]);
  expect(cache.key(foreign.id)).toBe(foreign);
  cache.forget(tenantId, null);
  expect(cache.size).toBe(0);
});

test('P7: what was looked up before a change is not remembered after it', () => {
  const cache = new KeyCache(10, 60_000);
  const key = newKey();
  const { asOf } = cache;
  cache.forget(tenantId, newUuid());
  cache.rememberKey(asOf, tenantId, key.id, key.id, key);
  cache.rememberVersions(asOf, tenantId, key.id, [key]);
  expect([cache.size, cache.versions(tenantId, key.id)]).toEqual([0, undefined]);
});
