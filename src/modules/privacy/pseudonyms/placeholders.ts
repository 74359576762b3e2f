import { createHmac } from 'node:crypto';
import { deriveKey } from '../../../platform/crypto/index.ts';
import type { EntityKind } from '../anonymizer/entity-kinds.ts';

/** Crockford's base 32: no letters that are taken for one another, in any case. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** Signs of a tag: 40 bits, so that nobody guesses one and hardly ever two values share one. */
const tagLength = 8;

/** Words that stand for kinds. Short ones, since a prompt grows by them, and telling ones, since the model reads them. */
const words: Partial<Record<EntityKind, string>> = {
  PERSON: 'PERSON',
  EMAIL_ADDRESS: 'EMAIL',
  PHONE_NUMBER: 'PHONE',
  CREDIT_CARD: 'CARD',
  IBAN_CODE: 'IBAN',
  US_BANK_NUMBER: 'ACCOUNT',
  CRYPTO: 'WALLET',
  IP_ADDRESS: 'IP',
  MAC_ADDRESS: 'MAC',
  URL: 'LINK',
  LOCATION: 'PLACE',
  STREET_ADDRESS: 'ADDRESS',
  ORGANIZATION: 'COMPANY',
  NRP: 'GROUP',
  DATE_TIME: 'DATE',
  DATE_OF_BIRTH: 'BIRTHDATE',
  PASSPORT: 'PASSPORT',
  DRIVER_LICENSE: 'LICENCE',
  MEDICAL_RECORD_NUMBER: 'RECORD',
  SECRET: 'SECRET',
  CUSTOM: 'ITEM',
};
/** Stands for every kind of national id, and for what only looks like a placeholder. */
const idWord = 'IDNUMBER';
const literalWord = 'TEXT';

/** Every word that a placeholder can begin with. */
export const placeholderWords: readonly string[] = [...new Set([...Object.values(words), idWord, literalWord])];

/** Longest placeholder, in characters; one that a model has escaped has one more. */
export const longestPlaceholder = Math.max(...placeholderWords.map((word) => word.length)) + 1 + tagLength;

/** Matches whatever has the form of a placeholder, in any case, its underscore escaped or not. */
export function placeholderPattern(): RegExp {
  return new RegExp(String.raw`(${placeholderWords.join('|')})\\?_([0-9A-HJKMNP-TV-Z]{${tagLength}})`, 'gi');
}

/** The form of a placeholder by which it is looked up. */
export function normalised(word: string, tag: string): string {
  return `${word}_${tag}`.toUpperCase();
}

/** What a kind is called where its value is not to come back. */
export function maskOf(kind: EntityKind): string {
  return `[${words[kind] ?? idWord}]`;
}

/** The secret of one conversation; whoever does not have the visitor's key cannot make its placeholders. */
export function placeholderSecret(visitorKey: Buffer, tenantId: string, conversationId: string): Buffer {
  return deriveKey(visitorKey, `placeholders|${tenantId}|${conversationId}`);
}

/** The placeholder of a value: the same one whenever, wherever and however often it is asked for in a conversation. */
export function placeholderOf(secret: Buffer, kind: EntityKind | 'LITERAL', value: string, attempt = 0): string {
  const hash = createHmac('sha256', secret).update(`${kind}|${attempt}|${value}`).digest();
  let tag = '';
  for (let at = 0; at < tagLength; at += 1) tag += alphabet[(hash[at] ?? 0) % alphabet.length];
  return `${kind === 'LITERAL' ? literalWord : (words[kind] ?? idWord)}_${tag}`;
}
