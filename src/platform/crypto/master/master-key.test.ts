import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { newUuid } from '../../../kernel/ids.ts';
import type { CryptoConfig } from '../crypto.config.ts';
import { CannotDecrypt, type ContentKey, type Place, seal } from '../envelope.ts';
import { AwsKmsMasterKey } from './aws-kms-master-key.ts';
import { LocalMasterKey, unversionedMaster } from './local-master-key.ts';
import type { MasterKey } from './master-key.ts';
import { MasterKeys, masterKeysOf, MasterKeyUnknown } from './master-keys.ts';

/** What the fake was asked, besides the clear text. */
interface Asked {
  target: string | undefined;
  authorization: string | undefined;
  KeyId: string;
  EncryptionContext: Record<string, string>;
}

/** KMS as far as its JSON protocol goes: TrentService.Encrypt and .Decrypt, their ciphertext bound to key and context. */
class FakeKms {
  readonly asked: Asked[] = [];
  /** Answers of failure that come first. */
  failures: { status: number; type: string }[] = [];
  /** What was ever encrypted here, to be found nowhere else. */
  readonly clear: Buffer[] = [];
  private readonly keys = new Map(['key-a', 'key-b'].map((id) => [id, randomBytes(32)]));
  private readonly server: Server = createServer((request, response) => {
    const body: Buffer[] = [];
    request.on('data', (bytes: Buffer) => body.push(bytes));
    request.on('end', () => {
      const given = JSON.parse(Buffer.concat(body).toString()) as Asked & { Plaintext?: string; CiphertextBlob?: string };
      const target = request.headers['x-amz-target'] as string | undefined;
      this.asked.push({ ...given, target, authorization: request.headers.authorization });
      const failure = this.failures.shift();
      const [status, answer] = failure === undefined ? this.answer(target, given) : [failure.status, { __type: failure.type }];
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(answer));
    });
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(target: string | undefined, given: Asked & { Plaintext?: string; CiphertextBlob?: string }): [number, object] {
    const key = this.keys.get(given.KeyId);
    if (key === undefined) return [400, { __type: 'NotFoundException' }];
    const context = Buffer.from(JSON.stringify(Object.entries(given.EncryptionContext).toSorted()));
    if (target === 'TrentService.Encrypt') {
      const [clear, nonce] = [Buffer.from(given.Plaintext ?? '', 'base64'), randomBytes(12)];
      this.clear.push(clear);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(context);
      const sealed = Buffer.concat([nonce, cipher.update(clear), cipher.final(), cipher.getAuthTag()]);
      return [200, { CiphertextBlob: sealed.toString('base64'), KeyId: given.KeyId }];
    }
    if (target !== 'TrentService.Decrypt') return [400, { __type: 'UnknownOperationException' }];
    const sealed = Buffer.from(given.CiphertextBlob ?? '', 'base64');
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12)).setAAD(context).setAuthTag(sealed.subarray(-16));
    try {
      const clear = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
      return [200, { Plaintext: clear.toString('base64'), KeyId: given.KeyId }];
    } catch {
      return [400, { __type: 'InvalidCiphertextException' }];
    }
  }
}

const kms = new FakeKms();
let endpoint: string;
const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
const before = Object.fromEntries(Object.keys(credentials).map((name) => [name, process.env[name]]));
beforeAll(async () => {
  Object.assign(process.env, credentials);
  endpoint = await kms.start();
});
afterAll(async () => {
  for (const [name, value] of Object.entries(before)) if (value === undefined) delete process.env[name];
  await kms.stop();
});
afterEach(() => {
  kms.failures = [];
});

const inKms = (id: string) => new AwsKmsMasterKey(id, { region: 'eu-central-1', endpoint });
const bytesOf = { a: randomBytes(32), b: randomBytes(32) };
const subjects: { title: string; make: (which: 'a' | 'b') => MasterKey }[] = [
  { title: 'a local key', make: (which) => new LocalMasterKey(bytesOf[which]) },
  { title: 'AWS KMS', make: (which) => inKms(`key-${which}`) },
];
const place: Place = { tenantId: newUuid(), table: 'wrapped_keys', column: 'tenant', rowId: newUuid() };

describe.each(subjects)('$title as a master key', ({ make }) => {
  test('wraps, and any replica with the same key unwraps', async () => {
    const clear = randomBytes(32);
    const wrapped = await make('a').wrap(place, clear);
    expect(wrapped.includes(clear)).toBe(false);
    expect(await make('a').unwrap(place, wrapped)).toEqual(clear);
    expect(make('a').id).toBe(make('a').id);
    expect(make('a').id).not.toBe(make('b').id);
  });

  test('P4: opens nothing in another place, under another key, or changed', async () => {
    const wrapped = await make('a').wrap(place, randomBytes(32));
    for (const elsewhere of [{ tenantId: newUuid() }, { table: 'signing_keys' }, { column: 'visitor' }, { rowId: newUuid() }])
      await expect(make('a').unwrap({ ...place, ...elsewhere }, wrapped)).rejects.toThrow(CannotDecrypt);
    await expect(make('b').unwrap(place, wrapped)).rejects.toThrow(CannotDecrypt);
    const changed = Buffer.from(wrapped);
    changed.writeUInt8(changed.readUInt8(changed.length - 20) ^ 1, changed.length - 20);
    await expect(make('a').unwrap(place, changed)).rejects.toThrow(CannotDecrypt);
    await expect(make('a').unwrap(place, Buffer.alloc(5))).rejects.toThrow(CannotDecrypt);
  });

  test('takes a private signing key as well as 32 bytes', async () => {
    const clear = randomBytes(1_000);
    expect(await make('a').unwrap(place, await make('a').wrap(place, clear))).toEqual(clear);
  });
});

describe('several versions', () => {
  const [a, b] = [new LocalMasterKey(bytesOf.a), new LocalMasterKey(bytesOf.b)];

  test('the current one wraps, the others only unwrap, across providers', async () => {
    const wrapped = await Promise.all([a, b, inKms('key-a')].map((key) => new MasterKeys(key).wrap(place, Buffer.from('clear'))));
    const masters = new MasterKeys(inKms('key-a'), [a, b]);
    expect((await Promise.all(wrapped.map((value) => masters.unwrap(place, value)))).map(String)).toEqual(['clear', 'clear', 'clear']);
    expect(wrapped.map((value) => masters.isCurrent(value))).toEqual([false, false, true]);
    expect(masters.isCurrent(await masters.wrap(place, Buffer.from('clear')))).toBe(true);
  });

  test('one that the settings no longer name refuses by its own class', async () => {
    const wrapped = await a.wrap(place, Buffer.from('clear'));
    await expect(new MasterKeys(b).unwrap(place, wrapped)).rejects.toThrow(MasterKeyUnknown);
  });

  test('what was wrapped before there were versions opens with whichever it was', async () => {
    const unversioned: ContentKey = { id: unversionedMaster, tenantId: place.tenantId, bytes: bytesOf.a };
    const wrapped = seal(unversioned, place, 'clear');
    for (const masters of [new MasterKeys(a), new MasterKeys(b, [a]), new MasterKeys(inKms('key-a'), [b, a])]) {
      expect((await masters.unwrap(place, wrapped)).toString()).toBe('clear');
      expect(masters.isCurrent(wrapped)).toBe(false);
    }
    await expect(new MasterKeys(b).unwrap(place, wrapped)).rejects.toThrow(CannotDecrypt);
  });

  test('the settings name exactly one current master key', async () => {
    const config = { masterKeysOld: [] as CryptoConfig['masterKeysOld'] } as CryptoConfig;
    await expect(masterKeysOf(config)).rejects.toThrow('PARLEY_MASTER_KEY is missing');
    await expect(masterKeysOf({ ...config, masterKey: bytesOf.a, masterKmsKeyId: 'key-a' })).rejects.toThrow('both set');
    const masters = await masterKeysOf({
      ...config,
      masterKmsKeyId: 'key-a',
      masterKmsEndpoint: endpoint,
      masterKeysOld: [bytesOf.a, 'key-b'],
    });
    expect([masters.current.id, ...masters.old.map(({ id }) => id)]).toEqual([inKms('key-a').id, a.id, inKms('key-b').id]);
  });
});

describe('AWS KMS', () => {
  test('is asked by its JSON protocol, signed, for the key, with tenant and key id as the context, and keeps the master key', async () => {
    kms.asked.length = 0;
    const wrapped = await inKms('key-a').wrap(place, Buffer.from('clear'));
    await inKms('key-a').unwrap(place, wrapped);
    const EncryptionContext = { tenant: place.tenantId, table: place.table, column: place.column, key: place.rowId };
    expect(kms.asked).toMatchObject([
      { target: 'TrentService.Encrypt', KeyId: 'key-a', EncryptionContext },
      { target: 'TrentService.Decrypt', KeyId: 'key-a', EncryptionContext },
    ]);
    for (const { authorization } of kms.asked) expect(authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=test\/\d+\/eu-central-1\/kms\//);
  });

  test('a failure that passes is tried again; one that stays is 503 and retryable, and says nothing of what was asked', async () => {
    kms.failures = [{ status: 500, type: 'KMSInternalException' }];
    const wrapped = await inKms('key-a').wrap(place, Buffer.from('clear'));
    kms.failures = Array.from({ length: 3 }, () => ({ status: 500, type: 'KMSInternalException' }));
    await expect(inKms('key-a').unwrap(place, wrapped)).rejects.toMatchObject({ status: 503, code: 'unavailable' });
    kms.failures = [{ status: 400, type: 'AccessDeniedException' }];
    await expect(inKms('key-a').unwrap(place, wrapped)).rejects.toMatchObject({ status: 503 });
    await expect(
      new AwsKmsMasterKey('key-a', { region: 'x', endpoint: 'http://127.0.0.1:9' }).unwrap(place, wrapped),
    ).rejects.toMatchObject({
      status: 503,
    });
  });
});
