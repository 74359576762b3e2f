import { Injectable } from '@nestjs/common';
import { clock } from '../../../kernel/clock.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { SystemDatabase } from '../../../platform/database/index.ts';
import { type CredentialRef, CredentialStatesRepository, type LiveCredential } from './credential-states.repository.ts';

/** Says whether credentials that opened something long-lived (a socket) still count. Never answers from memory. */
@Injectable()
export class CredentialWatch {
  constructor(
    private readonly system: SystemDatabase,
    private readonly states: CredentialStatesRepository,
  ) {}

  /**
   * One answer per principal, in order, with one database statement for all: false when the credential (for a visitor, the
   * one that vouched) is revoked or expired, its user disabled, its role another than before, or its tenant suspended.
   */
  async check(principals: Principal[]): Promise<boolean[]> {
    if (principals.length === 0) return [];
    const live = await this.liveOf(principals.map(credentialOf));
    return principals.map((principal) => stillCounts(principal, live.get(keyOf(credentialOf(principal)))));
  }

  /** True when a credential counts right now, and the visitor (a UUID) for whom it vouched has not been erased. */
  async vouchesFor(visitorId: string, ref: CredentialRef): Promise<boolean> {
    const [live, there] = await this.system.run('credential-recheck', (tx) =>
      Promise.all([this.states.live(tx, [ref]), this.states.hasVisitor(tx, ref.tenantId, visitorId)]),
    );
    return live.length > 0 && there;
  }

  private async liveOf(refs: CredentialRef[]): Promise<Map<string, LiveCredential>> {
    const distinct = [...new Map(refs.map((ref) => [keyOf(ref), ref])).values()];
    const live = await this.system.run('credential-recheck', (tx) => this.states.live(tx, distinct));
    return new Map(live.map((credential) => [keyOf(credential), credential]));
  }
}

/** The stored credential that a principal stands on. */
export function credentialOf(principal: Principal): CredentialRef {
  const { tenantId } = principal;
  if (principal.kind === 'user') return { kind: 'session', tenantId, id: principal.sessionId };
  if (principal.kind === 'api_key') return { kind: 'api_key', tenantId, id: principal.keyId };
  return { ...principal.vouchedBy, tenantId };
}

function stillCounts(principal: Principal, live: LiveCredential | undefined): boolean {
  if (live === undefined) return false;
  if (principal.expiresAt !== undefined && principal.expiresAt <= clock.now()) return false;
  return principal.kind !== 'user' || (live.role === principal.role && live.userId === principal.userId);
}

function keyOf({ kind, tenantId, id }: CredentialRef): string {
  return `${kind}|${tenantId}|${id}`;
}
