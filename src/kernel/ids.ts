import { randomBytes } from 'node:crypto';
import { fromString, fromUUID, toUUID, typeidUnboxed } from 'typeid-js';

/** Prefix of a public id, by kind of thing. One place, so that no two kinds share one. */
export const idPrefixes = {
  tenant: 'ten',
  user: 'usr',
  membership: 'mem',
  invitation: 'inv',
  session: 'ses',
  secondFactor: 'fac',
  apiKey: 'key',
  identityKey: 'idkey',
  identityProvider: 'idp',
  linkedIdentity: 'ident',
  domain: 'dom',
  oauthClient: 'client',
  oauthGrant: 'grant',
  scimUser: 'scu',
  scimGroup: 'scg',
  visitor: 'vis',
  bot: 'bot',
  botVersion: 'botv',
  conversation: 'conv',
  message: 'msg',
  turn: 'turn',
  modelCredential: 'mcred',
  modelRoute: 'mroute',
  privacyMapping: 'pmap',
  legalHold: 'hold',
  erasure: 'eras',
  personalExport: 'pexp',
  event: 'evt',
  request: 'req',
} as const;

/** A kind of thing that has public ids. */
export type IdKind = keyof typeof idPrefixes;

/** A new UUIDv7 (RFC 9562): sorts by time of creation. */
export function newUuid(): string {
  return toUUID(typeidUnboxed('x'));
}

/** Database id (UUID) to the id shown at every edge (TypeID, for example `bot_01h…`). */
export function publicId(kind: IdKind, uuid: string): string {
  return fromUUID(uuid, idPrefixes[kind]);
}

/**
 * Public id to database id. Anything that is not a well-formed id of this kind gives `undefined`: callers answer as for
 * a missing thing, so that foreign, malformed and missing ids look the same.
 */
export function uuidOf(kind: IdKind, id: string): string | undefined {
  if (id.length > 64 || !id.startsWith(`${idPrefixes[kind]}_`)) return undefined;
  try {
    return toUUID(fromString(id, idPrefixes[kind]));
  } catch {
    return undefined;
  }
}

/** A new public id of a kind that has no row of its own (requests). */
export function newPublicId(kind: IdKind): string {
  return typeidUnboxed(idPrefixes[kind]);
}

/** Random secret text, base64url, of `bytes` random bytes. */
export function newSecret(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}
