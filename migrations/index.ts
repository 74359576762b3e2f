import { Keys1763700000001 } from './keystore/0001-keys.ts';
import { KeyStatistics1763700000002 } from './keystore/0002-first-statistics.ts';
import { KeyVersions1763700000003 } from './keystore/0003-key-versions.ts';
import { Tombstones1763700000004 } from './keystore/0004-tombstones.ts';
import { Tenancy1763700000001 } from './main/0001-tenancy.ts';
import { Chat1763700000002 } from './main/0002-chat.ts';
import { TurnQueue1763700000003 } from './main/0003-turn-queue.ts';
import { TurnIndexes1763700000004 } from './main/0004-turn-indexes.ts';
import { FirstStatistics1763700000005 } from './main/0005-first-statistics.ts';
import { UnfinishedTurns1763700000006 } from './main/0006-unfinished-turns.ts';
import { Plans1763700000007 } from './main/0007-plans.ts';
import { Models1763700000008 } from './main/0008-models.ts';
import { CallsOfATurn1763700000009 } from './main/0009-calls-of-a-turn.ts';
import { Audit1763700000010 } from './main/0010-audit.ts';
import { BotVersionsUnderNewKeys1763700000014 } from './main/0014-bot-versions-under-new-keys.ts';
import { PrivacyMappings1763700000015 } from './main/0015-privacy-mappings.ts';
import { Retention1763700000016 } from './main/0016-retention.ts';
import { Erasures1763700000017 } from './main/0017-erasures.ts';
import { PersonalExports1763700000018 } from './main/0018-personal-exports.ts';
import { TenantDeletion1763700000019 } from './main/0019-tenant-deletion.ts';
import { VisitorIdentity1763700000021 } from './main/0021-visitor-identity.ts';
import { Invitations1763700000022 } from './main/0022-invitations.ts';
import { SessionClients1763700000023 } from './main/0023-session-clients.ts';
import { SecondFactors1763700000024 } from './main/0024-second-factors.ts';
import { IdentityProviders1763700000026 } from './main/0026-identity-providers.ts';
import { TenantDomains1763700000027 } from './main/0027-tenant-domains.ts';
import { Saml1763700000028 } from './main/0028-saml.ts';
import { OAuthClients1763700000029 } from './main/0029-oauth-clients.ts';
import { OAuthCodes1763700000030 } from './main/0030-oauth-codes.ts';
import { Recovery1763700000032 } from './main/0032-recovery.ts';
import { Scim1763700000035 } from './main/0035-scim.ts';

/** Migrations of the main database, oldest first. Forward only: expand, then contract. */
export const mainMigrations = [
  Tenancy1763700000001,
  Chat1763700000002,
  TurnQueue1763700000003,
  TurnIndexes1763700000004,
  FirstStatistics1763700000005,
  UnfinishedTurns1763700000006,
  Plans1763700000007,
  Models1763700000008,
  CallsOfATurn1763700000009,
  Audit1763700000010,
  BotVersionsUnderNewKeys1763700000014,
  PrivacyMappings1763700000015,
  Retention1763700000016,
  Erasures1763700000017,
  PersonalExports1763700000018,
  TenantDeletion1763700000019,
  VisitorIdentity1763700000021,
  Invitations1763700000022,
  SessionClients1763700000023,
  SecondFactors1763700000024,
  IdentityProviders1763700000026,
  TenantDomains1763700000027,
  Saml1763700000028,
  OAuthClients1763700000029,
  OAuthCodes1763700000030,
  Recovery1763700000032,
  Scim1763700000035,
];

/** Migrations of the keystore database, oldest first. */
export const keystoreMigrations = [Keys1763700000001, KeyStatistics1763700000002, KeyVersions1763700000003, Tombstones1763700000004];
