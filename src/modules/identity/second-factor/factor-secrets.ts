import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { CannotDecrypt, defineSealedTable, KeyedHash, KeyRing, type Place, seal } from '../../../platform/crypto/index.ts';
import type { FactorOwner, FactorRow } from './factors.repository.ts';
import { normalisedCode } from './recovery-codes.ts';

const Passkey = z.object({ id: z.string(), publicKey: z.string(), transports: z.array(z.string()).optional() });
/** A passkey's public half: its id and its COSE key, in base64url. */
export type StoredPasskey = z.output<typeof Passkey>;

/** Seals what factors are made of under their member's own key, and hashes what is looked up. */
@Injectable()
export class FactorSecrets {
  constructor(
    private readonly keyRing: KeyRing,
    private readonly hash: KeyedHash,
  ) {}

  /** Name and material of a factor, sealed. */
  async sealed({ tenantId, userId }: FactorOwner, id: string, name: string, material: string): Promise<{ name: Buffer; material: Buffer }> {
    const key = await this.keyRing.visitorKey(tenantId, userId);
    return { name: seal(key, placeOf(tenantId, id, 'name'), name), material: seal(key, placeOf(tenantId, id, 'material'), material) };
  }

  /** The name that its owner gave a factor; null when it no longer opens. */
  async name(tenantId: string, { id, name }: FactorRow): Promise<string | null> {
    try {
      return (await this.keyRing.open(placeOf(tenantId, id, 'name'), name)).toString();
    } catch (error) {
      if (!(error instanceof CannotDecrypt)) throw error;
      return null;
    }
  }

  /** The secret of an authenticator app. */
  async totp(tenantId: string, { id, material }: FactorRow): Promise<string> {
    return (await this.keyRing.open(placeOf(tenantId, id, 'material'), material)).toString();
  }

  async passkey(tenantId: string, { id, material }: FactorRow): Promise<StoredPasskey> {
    return Passkey.parse(JSON.parse((await this.keyRing.open(placeOf(tenantId, id, 'material'), material)).toString()));
  }

  codeHash({ tenantId, userId }: FactorOwner, code: string): Buffer {
    return this.hash.of('recovery-code', tenantId, userId, normalisedCode(code));
  }

  /** By what a passkey is found that comes without a name. */
  credentialHash(credentialId: string): Buffer {
    return this.hash.of('passkey', 'credential', credentialId);
  }

  /** Whom a passkey's device takes its owner for: says nothing to anybody, and is another in each tenant. */
  userHandle({ tenantId, userId }: FactorOwner): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.hash.of('passkey', 'user', tenantId, userId));
  }
}

defineSealedTable({ table: 'second_factors', columns: ['name', 'material'] });

function placeOf(tenantId: string, rowId: string, column: 'name' | 'material'): Place {
  return { tenantId, table: 'second_factors', column, rowId };
}
