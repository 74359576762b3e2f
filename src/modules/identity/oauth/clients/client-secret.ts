import { newSecret } from '../../../../kernel/ids.ts';

/** How every secret begins, so that scanners know one where it has leaked. */
const prefix = 'ocs_';
const pattern = /^ocs_[\w-]{43}$/;

/** A new secret: 256 random bits. */
export function newClientSecret(): string {
  return prefix + newSecret(32);
}

/** True when `text` has the form of a client's secret. */
export function isClientSecretShaped(text: string): boolean {
  return pattern.test(text);
}

/** What may be shown of a secret for good: its prefix and last four characters. */
export function secretHint(secret: string): string {
  return `${prefix}…${secret.slice(-4)}`;
}
