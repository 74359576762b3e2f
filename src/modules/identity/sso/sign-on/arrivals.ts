import { Injectable } from '@nestjs/common';
import { AuthorizationResponseError } from 'openid-client';
import { AppError } from '../../../../kernel/app-error.ts';
import { publicId } from '../../../../kernel/ids.ts';
import { AuditRefusals } from '../../../../platform/audit/index.ts';
import { LiveSessions } from '../../access/live-sessions.ts';
import type { OfferedProvider } from '../providers/offered-providers.ts';
import { SsoAccounts } from '../sso-accounts.ts';
import { SignOnFailed, type SignOnFailure } from '../sso.errors.ts';
import type { AssertedIdentity } from './asserted-identity.ts';
import { type Flow, SignOnFlows } from './sign-on-flows.ts';
import { failureUrl } from './start-sign-on.ts';

/** What is known of a sign-on whatever its provider speaks. */
export type Journey = Pick<Flow, 'providerId' | 'browser' | 'returnTo' | 'link'>;

/** The way from a verified answer of a provider to the page: with a one-time code, a link, or the reason why not. */
@Injectable()
export class Arrivals {
  constructor(
    private readonly flows: SignOnFlows,
    private readonly accounts: SsoAccounts,
    private readonly live: LiveSessions,
    private readonly refusals: AuditRefusals,
  ) {}

  /** Where the browser goes on. Throws what `failed` takes. */
  async arrive(offered: OfferedProvider, journey: Journey, asserted: AssertedIdentity): Promise<string> {
    const { tenantId, provider } = offered;
    if (journey.link !== undefined) {
      await this.link(offered, journey.link, asserted);
      return `${journey.returnTo}#sso_linked=${publicId('identityProvider', provider.id)}`;
    }
    const outcome = await this.accounts.resolve(tenantId, provider, asserted);
    const code = await this.flows.keepArrival(tenantId, { providerId: provider.id, browser: journey.browser, outcome });
    return `${journey.returnTo}#sso_code=${code}${outcome.kind === 'proof' ? '&sso_proof=password' : ''}`;
  }

  /** Where the browser learns that it did not work, and the tenant in its audit trail. */
  failed(tenantId: string, { providerId, link, returnTo }: Omit<Journey, 'browser'>, error: unknown): string {
    const reason = reasonOf(error);
    this.refusals.note(tenantId, {
      actor: { kind: 'anonymous' },
      action: link === undefined ? 'session.sign_in' : 'identity.link',
      object: { kind: 'identity_provider', id: providerId },
      outcome: 'failed',
      detail: { reason },
    });
    return failureUrl(returnTo, reason);
  }

  /** To the verified e-mail belongs the owner's proof, and the other way round: neither is enough alone. */
  private async link(
    { tenantId, provider }: OfferedProvider,
    linking: NonNullable<Flow['link']>,
    asserted: AssertedIdentity,
  ): Promise<void> {
    const { userId } = linking;
    const { email, emailVerified, subject } = asserted;
    if (email === undefined || !emailVerified) throw new SignOnFailed('email_unverified');
    const mine = (await this.live.isLive({ tenantId, ...linking })) && (await this.accounts.isEmailOf(tenantId, userId, email));
    if (!mine) throw new SignOnFailed('link_refused');
    await this.accounts.link(tenantId, provider, subject, userId);
  }
}

/** What a provider says of its own errors goes nowhere; a plan without a seat left has no place for who joins. */
function reasonOf(error: unknown): SignOnFailure {
  if (error instanceof SignOnFailed) return error.reason;
  if (error instanceof AuthorizationResponseError) return error.error === 'access_denied' ? 'denied' : 'failed';
  if (error instanceof AppError) return error.status === 403 ? 'not_a_member' : 'unavailable';
  return 'failed';
}
