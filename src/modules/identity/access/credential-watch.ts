import { Injectable } from '@nestjs/common';
import { clock } from '../../../kernel/clock.ts';
import type { Principal, VisitorPrincipal } from '../../../kernel/principal.ts';
import { SystemDatabase } from '../../../platform/database/index.ts';
import { type CredentialRef, CredentialStatesRepository, isStrong, type LiveCredential } from './credential-states.repository.ts';

/** Says whether credentials that opened something long-lived (a socket) still count. Never answers from memory. */
@Injectable()
export class CredentialWatch {
  constructor(
    private readonly system: SystemDatabase,
    private readonly states: CredentialStatesRepository,
  ) {}

  /**
   * One answer per principal, in order, with one database statement for all: false when the credential (for a visitor, the
   * ones that vouched) is revoked or expired, its user disabled, its role another than before, its tenant suspended
   * or in demand of a second factor that was not shown.
   */
  async check(principals: Principal[]): Promise<boolean[]> {
    if (principals.length === 0) return [];
    const live = await this.liveOf(principals.flatMap(credentialsOf));
    return principals.map((principal) => credentialsOf(principal).every((ref) => stillCounts(principal, live.get(keyOf(ref)))));
  }

  /**
   * Whether a visitor may come in: `no` when something that vouched for them does not count right now or they have been erased, `banned` when the
   * tenant does not want them.
   */
  async admits(principal: VisitorPrincipal): Promise<'yes' | 'no' | 'banned'> {
    const refs = credentialsOf(principal);
    const [live, visitor] = await this.system.run('credential-recheck', (tx) =>
      Promise.all([this.states.live(tx, refs), this.states.visitor(tx, principal.tenantId, principal.visitorId)]),
    );
    if (live.length < refs.length || visitor === undefined) return 'no';
    return visitor.banned ? 'banned' : 'yes';
  }

  private async liveOf(refs: CredentialRef[]): Promise<Map<string, LiveCredential>> {
    const distinct = [...new Map(refs.map((ref) => [keyOf(ref), ref])).values()];
    const live = await this.system.run('credential-recheck', (tx) => this.states.live(tx, distinct));
    return new Map(live.map((credential) => [keyOf(credential), credential]));
  }
}

/** The stored credentials that a principal stands on, all of which must count. */
function credentialsOf(principal: Principal): CredentialRef[] {
  const { tenantId } = principal;
  if (principal.kind === 'user') return [{ kind: 'session', tenantId, id: principal.sessionId }];
  if (principal.kind === 'api_key') return [{ kind: 'api_key', tenantId, id: principal.keyId }];
  if (principal.kind === 'oauth_client') return [{ kind: 'oauth_grant', tenantId, id: principal.grantId }];
  const { vouchedBy, identityKeyId } = principal;
  return [
    { ...vouchedBy, tenantId },
    ...(identityKeyId === undefined ? [] : [{ kind: 'identity_key' as const, tenantId, id: identityKeyId }]),
  ];
}

function stillCounts(principal: Principal, live: LiveCredential | undefined): boolean {
  if (live === undefined) return false;
  if (principal.expiresAt !== undefined && principal.expiresAt <= clock.now()) return false;
  // A session must be as sure as the tenant demands; what a member has let an app do was let by one that was.
  if (principal.kind === 'user' && live.factorDemanded === true && !isStrong(live)) return false;
  const member = principal.kind === 'user' ? principal : principal.kind === 'oauth_client' ? principal.member : undefined;
  return member === undefined || (live.role === member.role && live.userId === member.userId);
}

function keyOf({ kind, tenantId, id }: CredentialRef): string {
  return `${kind}|${tenantId}|${id}`;
}
