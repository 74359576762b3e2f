import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

/** What a test may have the device do wrong. */
export interface Misbehaviour {
  origin?: string;
  host?: string;
  /** Signs without having asked who holds it. */
  unverified?: boolean;
  counter?: number;
  challenge?: string;
}

/** A device with one passkey, written from WebAuthn level 3 and by nothing of the server's: ES256, attestation `none`. */
export class SoftAuthenticator {
  readonly id = randomBytes(32).toString('base64url');
  counter = 0;
  private readonly keys: { publicKey: KeyObject; privateKey: KeyObject };

  constructor(
    private readonly origin: string,
    private readonly host: string,
  ) {
    this.keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  }

  /** `navigator.credentials.create()`, as JSON. */
  create({ challenge }: { challenge: string }, wrong: Misbehaviour = {}) {
    const id = Buffer.from(this.id, 'base64url');
    const attested = Buffer.concat([Buffer.alloc(16), uint16(id.length), id, this.coseKey()]);
    const authData = Buffer.concat([this.authenticatorData(wrong, 0x40), attested]);
    // {"fmt": "none", "attStmt": {}, "authData": h'…'}
    const attestationObject = Buffer.concat([
      Buffer.from([0xa3]),
      ...['fmt', 'none'].map(text),
      text('attStmt'),
      Buffer.from([0xa0]),
      text('authData'),
      Buffer.from([0x59]),
      uint16(authData.length),
      authData,
    ]);
    const clientDataJSON = this.clientData('webauthn.create', challenge, wrong).toString('base64url');
    return this.credential({ clientDataJSON, attestationObject: attestationObject.toString('base64url') });
  }

  /** `navigator.credentials.get()`, as JSON. */
  get({ challenge }: { challenge: string }, wrong: Misbehaviour = {}) {
    this.counter = wrong.counter ?? this.counter + 1;
    const authenticatorData = this.authenticatorData(wrong, 0);
    const clientData = this.clientData('webauthn.get', challenge, wrong);
    const signature = sign('sha256', Buffer.concat([authenticatorData, sha256(clientData)]), this.keys.privateKey);
    const parts = { clientDataJSON: clientData, authenticatorData, signature };
    return this.credential(Object.fromEntries(Object.entries(parts).map(([name, bytes]) => [name, bytes.toString('base64url')])));
  }

  private credential(response: Record<string, string>) {
    return { id: this.id, rawId: this.id, type: 'public-key', clientExtensionResults: {}, response };
  }

  private clientData(type: string, challenge: string, wrong: Misbehaviour): Buffer {
    const { origin = this.origin, challenge: signed = challenge } = wrong;
    return Buffer.from(JSON.stringify({ type, challenge: signed, origin, crossOrigin: false }));
  }

  private authenticatorData({ host = this.host, unverified = false }: Misbehaviour, flags: number): Buffer {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(this.counter);
    // User present, user verified.
    return Buffer.concat([sha256(Buffer.from(host)), Buffer.from([flags | 0x01 | (unverified ? 0 : 0x04)]), counter]);
  }

  /** {1: 2, 3: -7, -1: 1, -2: x, -3: y} (RFC 9053). */
  private coseKey(): Buffer {
    const { x = '', y = '' } = this.keys.publicKey.export({ format: 'jwk' }) as { x?: string; y?: string };
    const [left, right] = [x, y].map((part) => Buffer.concat([Buffer.from([0x58, 32]), Buffer.from(part, 'base64url')])) as [
      Buffer,
      Buffer,
    ];
    return Buffer.concat([Buffer.from([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21]), left, Buffer.from([0x22]), right]);
  }
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

/** A short text in CBOR. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([0x60 + value.length]), Buffer.from(value)]);
}
