import { expect, test, vi } from 'vitest';
import { newUuid, publicId } from '../../../kernel/ids.ts';
import type { AuditEntry, AuditRefusals } from '../../../platform/audit/index.ts';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import type { SystemDatabase, Transaction } from '../../../platform/database/index.ts';
import { loadTopics } from '../../../platform/config/index.ts';
import { type IdentityConfig, identityConfig } from '../identity.config.ts';
import type { AccountCandidate, AccountsRepository } from './accounts.repository.ts';
import type { PasswordPolicy } from '../sso/domains/password-policy.ts';
import { PasswordHasher } from './password-hasher.ts';
import { SignIn } from './sign-in.service.ts';

const hash = new KeyedHash(Buffer.alloc(32, 7));
const config = loadTopics([identityConfig], { AUTH_PASSWORD_HASHES_AT_ONCE: '2', AUTH_PASSWORD_HASH_QUEUE: '1' }).get(identityConfig.token);
const newHasher = () => new PasswordHasher(hash, config as unknown as IdentityConfig);
const emailHash = hash.of('email', 'ada@example.com');

/** Sign-in over a table in memory; `asked` counts the statements that the answer waits for. */
function signInOver(accounts: AccountCandidate[]) {
  const hasher = newHasher();
  const computed = vi.spyOn(hasher, 'hash');
  let asked = 0;
  const repository = {
    candidates: async (_tx: Transaction, _email: Buffer, password: Buffer, tenantId?: string) => {
      asked += 1;
      return accounts.filter(
        (a) => a.passwordHash.subarray(0, 2).equals(password.subarray(0, 2)) && (tenantId ?? a.tenantId) === a.tenantId,
      );
    },
    accountsOf: async (_tx: Transaction, _email: Buffer, tenantId?: string) =>
      accounts.filter((a) => (tenantId ?? a.tenantId) === a.tenantId),
  };
  const noted: [string, AuditEntry][] = [];
  const refusals = { note: (tenant: string, entry: AuditEntry) => void noted.push([tenant, entry]) } as unknown as AuditRefusals;
  const policy = {
    allowed: async (_email: string, _tenant: string | undefined, matches: AccountCandidate[]) => {
      asked += 1;
      return matches;
    },
  } as unknown as PasswordPolicy;
  const system = { run: (_reason: string, work: (tx: Transaction) => Promise<unknown>) => work({} as Transaction) };
  const signIn = new SignIn(
    system as unknown as SystemDatabase,
    repository as unknown as AccountsRepository,
    hasher,
    hash,
    refusals,
    policy,
  );
  return { signIn, noted, costs: () => ({ hashes: computed.mock.calls.length, statements: asked }) };
}

async function account(password: string): Promise<AccountCandidate> {
  return { userId: newUuid(), tenantId: newUuid(), role: 'owner', passwordHash: await newHasher().hash(emailHash, password) };
}

test('a sign-in costs one password hash and two statements, whatever is stored', async () => {
  const mine = await account('correct horse');
  const others = [await account('something else'), await account('another one')];
  for (const stored of [[], [mine], [...others, mine]]) {
    for (const attempt of [
      { email: 'ada@example.com', password: 'correct horse' },
      { email: 'ada@example.com', password: 'wrong' },
      { email: 'ada@example.com', password: 'correct horse', tenantId: 'nonsense' },
    ]) {
      const { signIn, costs } = signInOver(stored);
      await signIn.signIn(attempt).catch(() => undefined);
      expect(costs()).toEqual({ hashes: 1, statements: 2 });
    }
  }
});

test('a failed sign-in is noted with each tenant where the e-mail has an account, or with the one that was named', async () => {
  const [mine, other] = [await account('correct horse'), await account('something else')];
  const { signIn, noted } = signInOver([mine, other]);
  await signIn.signIn({ email: 'ada@example.com', password: 'correct horse' });
  await expect(signIn.signIn({ email: 'ada@example.com', password: 'wrong', tenantId: publicId('tenant', newUuid()) })).rejects.toThrow();
  expect(noted).toEqual([]);
  await expect(signIn.signIn({ email: 'ada@example.com', password: 'wrong' })).rejects.toThrow();
  await expect.poll(() => noted.map(([tenant]) => tenant)).toEqual([mine.tenantId, other.tenantId]);
  await expect(
    signIn.signIn({ email: 'ada@example.com', password: 'wrong', tenantId: publicId('tenant', mine.tenantId) }),
  ).rejects.toThrow();
  const object = { kind: 'user', id: mine.userId };
  const entry = { actor: { kind: 'anonymous' }, action: 'session.sign_in', object, outcome: 'failed' };
  await expect.poll(() => noted.slice(2)).toEqual([[mine.tenantId, entry]]);
});

test('unknown e-mail, wrong password and foreign tenant are refused with the same words', async () => {
  const mine = await account('correct horse');
  const refusals = [
    signInOver([]).signIn.signIn({ email: 'ada@example.com', password: 'correct horse' }),
    signInOver([mine]).signIn.signIn({ email: 'ada@example.com', password: 'wrong' }),
    signInOver([mine]).signIn.signIn({ email: 'ada@example.com', password: 'correct horse', tenantId: publicId('tenant', newUuid()) }),
    signInOver([mine]).signIn.signIn({ email: 'ada@example.com', password: 'correct horse', tenantId: 'ten_!' }),
  ];
  const errors = await Promise.all(refusals.map((refusal) => refusal.catch((error: unknown) => error)));
  for (const error of errors) expect(error).toEqual(errors[0]);
  expect(errors[0]).toMatchObject({ code: 'invalid_credentials', status: 401 });
});

test('the newest match wins unless a tenant is named, and the e-mail is normalised', async () => {
  const [newer, older] = [await account('correct horse'), await account('correct horse')];
  const { signIn } = signInOver([newer, older]);
  expect(await signIn.signIn({ email: ' ADA@example.com ', password: 'correct horse' })).toBe(newer);
  const tenantId = publicId('tenant', older.tenantId);
  expect(await signIn.signIn({ email: 'ada@example.com', password: 'correct horse', tenantId })).toBe(older);
});

test('equal passwords under different e-mails have different hashes', async () => {
  const other = await newHasher().hash(hash.of('email', 'bob@example.com'), 'correct horse');
  expect(other.equals(await newHasher().hash(emailHash, 'correct horse'))).toBe(false);
});

test('password hashing has a bound: two at once, one waits, the next is refused with 503', async () => {
  const hasher = newHasher();
  const attempts = await Promise.allSettled(Array.from({ length: 4 }, () => hasher.hash(emailHash, 'correct horse')));
  expect(attempts.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
  expect(attempts[3]).toMatchObject({ reason: { status: 503 } });
  await expect(hasher.hash(emailHash, 'correct horse')).resolves.toHaveLength(32);
});
