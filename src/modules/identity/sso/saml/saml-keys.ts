import { X509Certificate } from 'node:crypto';
import { generate } from 'selfsigned';

/** Smallest RSA key of a provider, in bits. */
const minBits = 2_048;

/** A key of ours for one provider, with the certificate by which it knows it. */
export interface OwnKey {
  privateKey: string;
  certificate: string;
}

/**
 * A new RSA key, with which requests are signed and assertions decrypted, and a certificate around it for ten years. Nobody checks more of that
 * than the key: it is handed over in the metadata.
 */
export async function newOwnKey(): Promise<OwnKey> {
  const notAfterDate = new Date();
  notAfterDate.setFullYear(notAfterDate.getFullYear() + 10);
  const made = await generate([{ name: 'commonName', value: 'Parley' }], { keySize: minBits, algorithm: 'sha256', notAfterDate });
  return { privateKey: made.private, certificate: made.cert };
}

/** A provider's certificate as PEM, from PEM or bare base64; undefined for what is none, or not one of an RSA key of 2048 bits or more. */
export function certificateOf(text: string): string | undefined {
  const base64 = text.replace(/-----(BEGIN|END) CERTIFICATE-----/g, '').replace(/\s+/g, '');
  try {
    const certificate = new X509Certificate(Buffer.from(base64, 'base64'));
    const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
    return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= minBits ? certificate.toString() : undefined;
  } catch {
    return undefined;
  }
}
