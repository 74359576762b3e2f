import { Inject, Injectable } from '@nestjs/common';
import type { SAML } from '@node-saml/node-saml';
import { newUuid } from '../../../../kernel/ids.ts';
import { KeyedHash } from '../../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../../platform/database/index.ts';
import { type HttpConfig, httpConfig, publicUrlOf } from '../../../../platform/http/index.ts';
import type { OfferedProvider } from '../providers/offered-providers.ts';
import { ProviderConnections } from '../providers/provider-connections.ts';
import { type AssertedIdentity, claimedEmail, domainOf } from '../sign-on/asserted-identity.ts';
import { SignOnFailed } from '../sso.errors.ts';
import { clockToleranceMs, maxAgeMs, namedSubject } from './saml-assertion.ts';
import { responseHead } from './saml-gate.ts';
import { samlUrls } from './saml-urls.ts';
import { type SamlRow, SamlRepository } from './saml.repository.ts';

/** What is asked of a SAML provider, and how its answers are verified. */
@Injectable()
export class SamlVerifier {
  constructor(
    private readonly connections: ProviderConnections,
    private readonly database: TenantDatabase,
    private readonly repository: SamlRepository,
    private readonly hash: KeyedHash,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
  ) {}

  /** Where the browser goes with a signed request of this id, by the Redirect binding. `state` comes back as RelayState. */
  async start(offered: OfferedProvider, requestId: string, state: string): Promise<URL> {
    const saml = await this.open(offered, await this.settings(offered), requestId);
    return new URL(await saml.getAuthorizeUrlAsync(state, undefined, {}));
  }

  /**
   * Whom a response names. `requestId` is that of the request which it must answer; undefined where nobody asked, which the provider's settings must
   * allow. Throws for anything that is not as it should be, for a second use of an assertion, and for an e-mail outside of the proven domains.
   */
  async verify(
    offered: OfferedProvider,
    samlResponse: string,
    requestId: string | undefined,
  ): Promise<AssertedIdentity & { email: string }> {
    const { tenantId, provider } = offered;
    const settings = await this.settings(offered);
    const { acsUrl } = samlUrls(publicUrlOf(this.http), provider.id);
    const head = responseHead(Buffer.from(samlResponse, 'base64').toString());
    if (head === undefined) throw new Error('this is no response that is let in');
    if (requestId === undefined && !settings.idpInitiated) throw new Error('nobody asked for this response');
    if ((head.destination !== undefined && head.destination !== acsUrl) || head.inResponseTo !== requestId)
      throw new Error('this response is for somebody else');
    const saml = await this.open(offered, settings, requestId ?? '');
    const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: samlResponse });
    const expected = { issuer: provider.issuer, recipient: acsUrl, inResponseTo: requestId };
    const named = namedSubject(profile?.getAssertion?.(), expected);
    if (named === undefined) throw new Error('this assertion is not whole, or not for here and now');
    await this.useOnce(tenantId, provider.id, named.assertionId);
    const email = claimedEmail(named.email);
    // Each time, not only the first: with a domain that is let go of, its people go.
    if (email === undefined || !provider.provenDomains.includes(domainOf(email))) throw new SignOnFailed('email_unverified');
    return { subject: named.subject, email, emailVerified: true };
  }

  private async useOnce(tenantId: string, providerId: string, assertionId: string): Promise<void> {
    const used = {
      id: newUuid(),
      providerId,
      hash: this.hash.of('identity-subject', tenantId, providerId, assertionId),
      // Longer than it can be presented.
      seconds: (2 * (maxAgeMs + 2 * clockToleranceMs)) / 1_000,
    };
    if (!(await this.database.forTenant(tenantId, (tx) => this.repository.useAssertion(tx, tenantId, used))))
      throw new Error('this assertion has been used');
  }

  private async settings({ tenantId, provider }: OfferedProvider): Promise<SamlRow> {
    const found = await this.database.forTenant(tenantId, (tx) => this.repository.byId(tx, tenantId, provider.id));
    if (found === undefined) throw new Error('a SAML provider without settings');
    return found;
  }

  private async open({ tenantId, provider }: OfferedProvider, settings: SamlRow, requestId: string): Promise<SAML> {
    const { entityId, acsUrl } = samlUrls(publicUrlOf(this.http), provider.id);
    const privateKey = (await this.connections.secretOf(tenantId, provider)) ?? '';
    // Loaded where it is used: most processes never are asked for it.
    const nodeSaml = await import('@node-saml/node-saml');
    return new nodeSaml.SAML({
      issuer: entityId,
      audience: entityId,
      callbackUrl: acsUrl,
      entryPoint: settings.entryPoint,
      idpCert: settings.certificates,
      privateKey,
      decryptionPvk: privateKey,
      signatureAlgorithm: 'sha256',
      digestAlgorithm: 'sha256',
      wantAssertionsSigned: true,
      wantAuthnResponseSigned: false,
      acceptedClockSkewMs: clockToleranceMs,
      maxAssertionAgeMs: maxAgeMs,
      // Compared by us, with the request of this very browser and with what was signed.
      validateInResponseTo: nodeSaml.ValidateInResponseTo.never,
      identifierFormat: null,
      disableRequestedAuthnContext: true,
      generateUniqueId: () => requestId,
    });
  }
}
