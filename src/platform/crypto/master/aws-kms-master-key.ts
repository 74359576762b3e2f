import { createHash } from 'node:crypto';
import { DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { commonErrors } from '../../../kernel/app-error.ts';
import { bytesToUuid, CannotDecrypt, type Place, uuidToBytes } from '../envelope.ts';
import type { MasterKey } from './master-key.ts';

/** First byte of what KMS has wrapped; the 16 bytes of the version's id and KMS's own ciphertext follow. */
export const kmsForm = 2;
const headerLength = 1 + 16;

/** Milliseconds to wait for a connection, and for an answer; a request is tried three times at most. */
const [connectMs, answerMs, attempts] = [1_000, 3_000, 3];

/** What KMS says of a ciphertext that is damaged, was moved, or belongs to another key. */
const refusals = new Set(['InvalidCiphertextException', 'IncorrectKeyException']);

/** Where KMS is. Credentials come as AWS's own tools find them: environment, files, or the machine's role. */
export interface KmsSettings {
  region?: string | undefined;
  endpoint?: string | undefined;
}

/**
 * A master key in AWS KMS, which it never leaves: KMS encrypts and decrypts tenants' keys (`Encrypt`, `Decrypt`), bound to their place by
 * the encryption context. KMS takes up to 4,096 bytes at a time.
 */
export class AwsKmsMasterKey implements MasterKey {
  readonly id: string;
  readonly name: string;
  private readonly client: KMSClient;

  /** `keyId`: id, ARN or alias. What stands here names the version: say it always in the same way. */
  constructor(
    private readonly keyId: string,
    { region, endpoint }: KmsSettings,
  ) {
    this.id = bytesToUuid(createHash('sha256').update(`aws-kms|${keyId}`).digest().subarray(0, 16));
    this.name = `kms ${this.id.slice(0, 8)}`;
    this.client = new KMSClient({
      maxAttempts: attempts,
      requestHandler: { connectionTimeout: connectMs, requestTimeout: answerMs, throwOnRequestTimeout: true },
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint }),
    });
  }

  async wrap(place: Place, clear: Buffer): Promise<Buffer> {
    const request = new EncryptCommand({ KeyId: this.keyId, Plaintext: clear, EncryptionContext: contextOf(place) });
    const { CiphertextBlob } = await this.asked(() => this.client.send(request));
    if (CiphertextBlob === undefined) throw notReached();
    return Buffer.concat([Buffer.from([kmsForm]), uuidToBytes(this.id), CiphertextBlob]);
  }

  async unwrap(place: Place, wrapped: Buffer): Promise<Buffer> {
    if (wrapped[0] !== kmsForm || wrapped.length <= headerLength) throw new CannotDecrypt();
    const request = new DecryptCommand({
      KeyId: this.keyId,
      CiphertextBlob: wrapped.subarray(headerLength),
      EncryptionContext: contextOf(place),
    });
    const { Plaintext } = await this.asked(() => this.client.send(request));
    if (Plaintext === undefined) throw notReached();
    return Buffer.from(Plaintext);
  }

  private async asked<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw error instanceof Error && refusals.has(error.name) ? new CannotDecrypt() : notReached();
    }
  }
}

/** Shown in AWS's own log of who used the key: ids only. */
function contextOf({ tenantId, table, column, rowId }: Place): Record<string, string> {
  return { tenant: tenantId, table, column, key: rowId };
}

function notReached() {
  return commonErrors.unavailable('The key management service cannot be reached right now.');
}
