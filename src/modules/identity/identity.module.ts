import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AccessGuard } from './access/access.guard.ts';
import { AccessTokenStrategy } from './access/access-token.strategy.ts';
import { ApiKeyStrategy } from './access/api-key.strategy.ts';
import { Authenticator } from './access/authenticator.ts';
import { CredentialChanges } from './access/credential-changes.ts';
import { CredentialPassport } from './access/credential-passport.ts';
import { CredentialStatesRepository } from './access/credential-states.repository.ts';
import { CredentialWatch } from './access/credential-watch.ts';
import { LiveSessions } from './access/live-sessions.ts';
import { MeController } from './access/me.controller.ts';
import { Me } from './access/me.service.ts';
import { ApiKeyLookup } from './api-keys/api-key-lookup.ts';
import { ApiKeysController } from './api-keys/api-keys.controller.ts';
import { ApiKeysRepository } from './api-keys/api-keys.repository.ts';
import { ApiKeys } from './api-keys/api-keys.service.ts';
import { AttemptLimits } from './attempts/attempt-limits.ts';
import { CreationLimits } from './creation-limits.ts';
import { IdentityKeysController } from './identity-keys/identity-keys.controller.ts';
import { IdentityKeysRepository } from './identity-keys/identity-keys.repository.ts';
import { IdentityKeys } from './identity-keys/identity-keys.service.ts';
import { IdentityTokens } from './identity-keys/identity-tokens.ts';
import { InvitationsController } from './members/invitations.controller.ts';
import { Invitations } from './members/invitations.service.ts';
import { InvitedAccounts } from './members/invited-accounts.ts';
import { Joining } from './members/joining.ts';
import { MailInvitation } from './members/mail-invitation.job.ts';
import { MembersController } from './members/members.controller.ts';
import { MembersRepository } from './members/members.repository.ts';
import { Members } from './members/members.service.ts';
import { IdentityData } from './identity-data.ts';
import { AuthorizationsController } from './oauth/authorizations/authorizations.controller.ts';
import { Authorizations } from './oauth/authorizations/authorizations.service.ts';
import { ClientAuthentication } from './oauth/clients/client-authentication.ts';
import { OAuthClientsController } from './oauth/clients/oauth-clients.controller.ts';
import { OAuthClientsRepository } from './oauth/clients/oauth-clients.repository.ts';
import { OAuthClients } from './oauth/clients/oauth-clients.service.ts';
import { LiveGrants } from './oauth/grants/live-grants.ts';
import { OAuthGrantsRepository } from './oauth/grants/oauth-grants.repository.ts';
import { OAuthRefreshTokens } from './oauth/grants/oauth-refresh-tokens.ts';
import { OAuthController } from './oauth/oauth.controller.ts';
import { OAuthMetadataController } from './oauth/oauth-metadata.controller.ts';
import { ClientCredentials } from './oauth/tokens/client-credentials.ts';
import { CodeExchange } from './oauth/tokens/code-exchange.ts';
import { GivenTokens } from './oauth/tokens/given-tokens.ts';
import { MemberTokens } from './oauth/tokens/member-tokens.ts';
import { OAuthAccessTokens } from './oauth/tokens/oauth-access-tokens.ts';
import { OAuthTokenStrategy } from './oauth/tokens/oauth-token.strategy.ts';
import { OAuthTokens } from './oauth/tokens/oauth-tokens.service.ts';
import { TokenRefresh } from './oauth/tokens/token-refresh.ts';
import { EmailVerification } from './recovery/email-verification.service.ts';
import { AccountMails } from './recovery/account-mails.ts';
import { MailAccount } from './recovery/mail-account.job.ts';
import { Passwords } from './recovery/passwords.service.ts';
import { RecoveryController } from './recovery/recovery.controller.ts';
import { RecoveryRepository } from './recovery/recovery.repository.ts';
import { Recovery } from './recovery/recovery.service.ts';
import { RecoveryTokens } from './recovery/recovery-token.ts';
import { FactorProofs } from './second-factor/factor-proofs.ts';
import { FactorSecrets } from './second-factor/factor-secrets.ts';
import { FactorsRepository } from './second-factor/factors.repository.ts';
import { MemberAddresses } from './second-factor/member-addresses.ts';
import { Passkeys } from './second-factor/passkeys.ts';
import { ProofRequests } from './second-factor/proof-requests.ts';
import { SecondFactorsController } from './second-factor/second-factors.controller.ts';
import { SecondFactors } from './second-factor/second-factors.service.ts';
import { SecondStepController } from './second-factor/second-step.controller.ts';
import { SecondStep } from './second-factor/second-step.service.ts';
import { SecurityPolicyController } from './second-factor/security-policy.controller.ts';
import { SecurityPolicies } from './second-factor/security-policy.service.ts';
import { Strengthening } from './second-factor/strengthening.ts';
import { RefreshTokens } from './sessions/refresh-tokens.ts';
import { SessionClients } from './sessions/session-clients.ts';
import { SessionLimits } from './sessions/session-limits.ts';
import { SessionsController } from './sessions/sessions.controller.ts';
import { Sessions } from './sessions/sessions.service.ts';
import { SignedIn } from './sessions/signed-in.service.ts';
import { SessionsRepository } from './sessions/sessions.repository.ts';
import { AccountsRepository } from './sign-in/accounts.repository.ts';
import { AuthController } from './sign-in/auth.controller.ts';
import { Auth } from './sign-in/auth.service.ts';
import { PasswordHasher } from './sign-in/password-hasher.ts';
import { Registration } from './sign-in/registration.ts';
import { SignIn } from './sign-in/sign-in.service.ts';
import { SignUp } from './sign-in/sign-up.service.ts';
import { TenantOwners } from './sign-in/tenant-owners.ts';
import { AccessTokens } from './signing/access-tokens.ts';
import { JwksController } from './signing/jwks.controller.ts';
import { SigningKeys } from './signing/signing-keys.ts';
import { Statements } from './signing/statements.ts';
import { DomainRecords } from './sso/domains/domain-records.ts';
import { DomainsController } from './sso/domains/domains.controller.ts';
import { DomainsRepository } from './sso/domains/domains.repository.ts';
import { Domains } from './sso/domains/domains.service.ts';
import { PasswordPolicy } from './sso/domains/password-policy.ts';
import { LinkedIdentitiesController } from './sso/linked-identities.controller.ts';
import { LinkedIdentitiesRepository } from './sso/linked-identities.repository.ts';
import { LinkedIdentities } from './sso/linked-identities.service.ts';
import { ProviderDiscovery } from './sso/provider-discovery.ts';
import { IdentityProvidersController } from './sso/providers/identity-providers.controller.ts';
import { IdentityProvidersRepository } from './sso/providers/identity-providers.repository.ts';
import { IdentityProviders } from './sso/providers/identity-providers.service.ts';
import { OfferedProviders } from './sso/providers/offered-providers.ts';
import { ProviderConnections } from './sso/providers/provider-connections.ts';
import { SamlProviders } from './sso/saml/saml-providers.service.ts';
import { SamlSignOn } from './sso/saml/saml-sign-on.ts';
import { SamlVerifier } from './sso/saml/saml-verifier.ts';
import { SamlController } from './sso/saml/saml.controller.ts';
import { SamlRepository } from './sso/saml/saml.repository.ts';
import { ScimAccounts } from './sso/scim/scim-accounts.ts';
import { ScimGroupsRepository } from './sso/scim/scim-groups.repository.ts';
import { ScimGroups } from './sso/scim/scim-groups.service.ts';
import { ScimMappingsController } from './sso/scim/scim-mappings.controller.ts';
import { ScimRoles } from './sso/scim/scim-roles.ts';
import { ScimUsersRepository } from './sso/scim/scim-users.repository.ts';
import { ScimUsers } from './sso/scim/scim-users.service.ts';
import { ScimController } from './sso/scim/scim.controller.ts';
import { Arrivals } from './sso/sign-on/arrivals.ts';
import { ExchangeSignOn } from './sso/sign-on/exchange-sign-on.ts';
import { FinishSignOn } from './sso/sign-on/finish-sign-on.ts';
import { OwnerProof } from './sso/sign-on/owner-proof.ts';
import { SignOnFlows } from './sso/sign-on/sign-on-flows.ts';
import { SignOnProtocols } from './sso/sign-on/sign-on-protocols.ts';
import { StartSignOn } from './sso/sign-on/start-sign-on.ts';
import { SsoAccounts } from './sso/sso-accounts.ts';
import { SsoController } from './sso/sso.controller.ts';
import { Tickets } from './tickets/tickets.ts';
import { VisitorBansController } from './visitors/visitor-bans.controller.ts';
import { VisitorBansRepository } from './visitors/visitor-bans.repository.ts';
import { VisitorBans } from './visitors/visitor-bans.service.ts';
import { VisitorTokens } from './visitors/visitor-tokens.ts';
import { VisitorsRepository } from './visitors/visitors.repository.ts';
import { Visitors } from './visitors/visitors.service.ts';

const access = [
  CredentialChanges,
  CredentialStatesRepository,
  CredentialWatch,
  LiveSessions,
  AccessTokenStrategy,
  ApiKeyStrategy,
  CredentialPassport,
  Authenticator,
  Me,
];
const signingIn = [
  AccountsRepository,
  PasswordHasher,
  SignUp,
  Registration,
  SignIn,
  Auth,
  SessionsRepository,
  SessionLimits,
  Sessions,
  RefreshTokens,
  SessionClients,
  SignedIn,
  SigningKeys,
  AccessTokens,
  Statements,
  AttemptLimits,
];
const keysAndVisitors = [
  CreationLimits,
  TenantOwners,
  ApiKeysRepository,
  ApiKeyLookup,
  ApiKeys,
  VisitorsRepository,
  Visitors,
  VisitorTokens,
  VisitorBansRepository,
  VisitorBans,
  IdentityKeysRepository,
  IdentityKeys,
  IdentityTokens,
  Tickets,
  IdentityData,
];
const members = [MembersRepository, Members, Invitations, InvitedAccounts, Joining, MailInvitation];
const recovery = [RecoveryTokens, RecoveryRepository, Passwords, EmailVerification, AccountMails, MailAccount, Recovery];
const scim = [ScimAccounts, ScimUsersRepository, ScimGroupsRepository, ScimRoles, ScimUsers, ScimGroups];
const singleSignOn = [
  IdentityProvidersRepository,
  ProviderConnections,
  IdentityProviders,
  DomainsRepository,
  DomainRecords,
  Domains,
  PasswordPolicy,
  OfferedProviders,
  ProviderDiscovery,
  LinkedIdentitiesRepository,
  LinkedIdentities,
  SignOnFlows,
  SignOnProtocols,
  SsoAccounts,
  SamlRepository,
  SamlVerifier,
  SamlProviders,
  SamlSignOn,
  Arrivals,
  StartSignOn,
  FinishSignOn,
  OwnerProof,
  ExchangeSignOn,
];
const oauth = [
  OAuthClientsRepository,
  OAuthClients,
  ClientAuthentication,
  OAuthGrantsRepository,
  LiveGrants,
  OAuthAccessTokens,
  OAuthTokenStrategy,
  OAuthRefreshTokens,
  Authorizations,
  MemberTokens,
  ClientCredentials,
  CodeExchange,
  TokenRefresh,
  OAuthTokens,
  GivenTokens,
];
const secondFactor = [
  FactorsRepository,
  FactorSecrets,
  FactorProofs,
  MemberAddresses,
  Passkeys,
  ProofRequests,
  SecondFactors,
  SecondStep,
  SecurityPolicies,
  Strengthening,
];

/** Who calls, and what they may do: the guard over every route, and everything that credentials come from. */
@Module({
  controllers: [
    AuthController,
    RecoveryController,
    SessionsController,
    SecondStepController,
    SecondFactorsController,
    SecurityPolicyController,
    JwksController,
    MeController,
    ApiKeysController,
    IdentityKeysController,
    VisitorBansController,
    MembersController,
    InvitationsController,
    IdentityProvidersController,
    SsoController,
    LinkedIdentitiesController,
    DomainsController,
    SamlController,
    OAuthClientsController,
    AuthorizationsController,
    OAuthController,
    OAuthMetadataController,
    ScimController,
    ScimMappingsController,
  ],
  providers: [
    ...access,
    ...signingIn,
    ...keysAndVisitors,
    ...members,
    ...recovery,
    ...secondFactor,
    ...singleSignOn,
    ...oauth,
    ...scim,
    AccessGuard,
    { provide: APP_GUARD, useExisting: AccessGuard },
  ],
  exports: [
    Authenticator,
    AttemptLimits,
    Tickets,
    VisitorTokens,
    Visitors,
    VisitorBans,
    IdentityTokens,
    CredentialChanges,
    CredentialWatch,
    SignUp,
    ApiKeys,
    CreationLimits,
    TenantOwners,
    Statements,
    SessionLimits,
    Members,
  ],
})
export class IdentityModule {}
