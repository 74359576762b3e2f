import { type IdKind, publicId } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { AuditAction } from './audit-actions.ts';

/**
 * Who did something. `id` is a UUID for users, API keys, OAuth clients, grants (a client on behalf of a member) and visitors; for operators and the system it names the door or the job, such as
 * `cli` or `purge-expired`.
 */
export type AuditActor =
  { kind: 'user' | 'api_key' | 'oauth_client' | 'oauth_grant' | 'visitor' | 'operator' | 'system'; id: string } | { kind: 'anonymous' };

/** Kinds of objects that have a UUID, with the kind of their public id. */
const kindsWithId = {
  tenant: 'tenant',
  user: 'user',
  session: 'session',
  api_key: 'apiKey',
  identity_provider: 'identityProvider',
  domain: 'domain',
  oauth_client: 'oauthClient',
  oauth_grant: 'oauthGrant',
  visitor: 'visitor',
  bot: 'bot',
  bot_version: 'botVersion',
  conversation: 'conversation',
  message: 'message',
  turn: 'turn',
  model_credential: 'modelCredential',
  model_route: 'modelRoute',
} as const satisfies Record<string, IdKind>;

/** Kinds of objects that are known by a name of ours or a plain id; never by what a person wrote. */
export type NamedKind = 'plan' | 'job' | 'permission' | 'setting' | 'key' | 'export' | 'receipt' | 'legal_hold' | 'audit';

/** What something was done to. `id` is a UUID, or for a named kind a token. */
export interface AuditObject {
  kind: keyof typeof kindsWithId | NamedKind;
  id: string;
}

/** What came of it. */
export const auditOutcomes = ['done', 'refused', 'failed'] as const;
/** What came of it. */
export type AuditOutcome = (typeof auditOutcomes)[number];

/**
 * More about an act without any content: ids, names out of our own lists, numbers, and the names of fields that changed, never their values.
 * A text is a token of at most 80 letters, digits and `_ . : -`; anything else throws.
 */
export type AuditDetail = Record<string, string | number | boolean | readonly string[]>;

/** What is handed in. */
export interface AuditEntry {
  actor: AuditActor;
  action: AuditAction;
  object?: AuditObject;
  /** `done` when absent. */
  outcome?: AuditOutcome;
  detail?: AuditDetail;
}

const token = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,79}$/;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const field = /^[a-z][a-z0-9_]{0,39}$/;

/** Somebody who acts for a tenant without being signed in to it: a program of its operators. `tenantId` is a UUID. */
export interface ActingFor {
  tenantId: string;
  actor: AuditActor;
}

/** Who calls, as an actor. */
export function actorOf(principal: Principal | ActingFor): AuditActor {
  if ('actor' in principal) return principal.actor;
  if (principal.kind === 'user') return { kind: 'user', id: principal.userId };
  if (principal.kind === 'api_key') return { kind: 'api_key', id: principal.keyId };
  if (principal.kind === 'oauth_client') {
    // The grant says both which client and which member: the trail has who gave it to whom.
    return principal.member === undefined
      ? { kind: 'oauth_client', id: principal.clientId }
      : { kind: 'oauth_grant', id: principal.grantId };
  }
  return { kind: 'visitor', id: principal.visitorId };
}

/** The id of an actor as it is shown; null for nobody known. Throws for what is no id. */
export function actorId(actor: AuditActor): string | null {
  if (actor.kind === 'anonymous') return null;
  if (actor.kind === 'operator' || actor.kind === 'system') return tokenOf(actor.id);
  return publicOf(kindsWithId[actor.kind], actor.id);
}

/** The id of an object as it is shown. Throws for what is no id. */
export function objectId({ kind, id }: AuditObject): string {
  const idKind = (kindsWithId as Record<string, IdKind | undefined>)[kind];
  return idKind === undefined ? tokenOf(id) : publicOf(idKind, id);
}

/** The detail, once it is sure to hold no content. Throws for anything else. */
export function contentFree(detail: AuditDetail): AuditDetail {
  for (const [name, value] of Object.entries(detail)) {
    if (!field.test(name)) throw new Error('a detail of an audit entry has a name of our own');
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) throw new Error('a number in an audit entry is finite');
    } else if (typeof value !== 'boolean') for (const text of typeof value === 'string' ? [value] : value) tokenOf(text);
  }
  return detail;
}

function publicOf(kind: IdKind, id: string): string {
  if (!uuid.test(id)) throw new Error(`the id of a ${kind} in an audit entry is a UUID`);
  return publicId(kind, id);
}

function tokenOf(text: string): string {
  // What was refused is not told: it may be content.
  if (!token.test(text)) throw new Error('an audit entry takes ids and names of our own, no texts');
  return text;
}
