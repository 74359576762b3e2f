import { Injectable, Logger } from '@nestjs/common';
import { clock } from '../../../kernel/clock.ts';
import type { ApiKeyPrincipal } from '../../../kernel/principal.ts';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { SystemDatabase, TenantDatabase } from '../../../platform/database/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import { CredentialChanges, credentialMemoryMs } from '../access/credential-changes.ts';
import { RecentValues } from '../access/recent-values.ts';
import { ApiKeysRepository } from './api-keys.repository.ts';
import { isKeyShaped } from './key-format.ts';
import { storedScopes } from './scopes.ts';

/** How often the use of one key is noted, in milliseconds. */
const touchEveryMs = 60_000;

/** From a key to its principal, remembered for a few seconds. */
@Injectable()
export class ApiKeyLookup {
  private readonly logger = new Logger(ApiKeyLookup.name);
  private readonly known = new RecentValues<ApiKeyPrincipal>({ maxEntries: 10_000, maxAgeMs: credentialMemoryMs });
  /** Apart from the known ones, so that a flood of made-up keys pushes none of those out. */
  private readonly unknown = new RecentValues<object>({ maxEntries: 1_000, maxAgeMs: 1_000 });
  private readonly touched = new RecentValues<object>({ maxEntries: 10_000, maxAgeMs: touchEveryMs });

  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly hash: KeyedHash,
    private readonly repository: ApiKeysRepository,
    changes: CredentialChanges,
  ) {
    changes.onChange((tenantId) => this.known.forget((principal) => principal.tenantId === tenantId));
  }

  /** Who a key stands for; undefined when it is malformed (no look-up then), unknown, revoked, expired or its tenant suspended. */
  async find(key: string): Promise<ApiKeyPrincipal | undefined> {
    if (!isKeyShaped(key)) return undefined;
    const keyHash = this.hash.of('api-key', key);
    const name = keyHash.toString('base64');
    if (this.unknown.peek(name) !== undefined) return undefined;
    const principal = await this.known.get(name, () => this.load(keyHash));
    if (principal === undefined) {
      this.unknown.keep(name, {});
      return undefined;
    }
    if (principal.expiresAt !== undefined && principal.expiresAt <= clock.now()) return undefined;
    this.noteUse(principal);
    return principal;
  }

  private async load(keyHash: Buffer): Promise<ApiKeyPrincipal | undefined> {
    const located = await this.system.run('credential-lookup', (tx) => this.repository.locate(tx, keyHash));
    if (located === undefined) return undefined;
    const { tenantId, id } = located;
    const found = await this.database.forTenant(tenantId, async (tx) => {
      const usable = await this.repository.findUsable(tx, tenantId, id);
      // Before the first request is served: rolling may end a key at once that was never used.
      if (usable?.lastUsedAt === null) await this.repository.touch(tx, tenantId, id);
      return usable;
    });
    if (found === undefined) return undefined;
    return {
      kind: 'api_key',
      tenantId,
      keyId: id,
      publishable: found.kind === 'publishable',
      permissions: storedScopes(found.kind, found.scopes),
      ...(found.botId === null ? {} : { botId: found.botId }),
      ...(found.expiresAt === null ? {} : { expiresAt: found.expiresAt.getTime() }),
    };
  }

  /** Off the request's path; a note that fails is not worth a retry. */
  private noteUse({ tenantId, keyId }: ApiKeyPrincipal): void {
    if (this.touched.peek(keyId) !== undefined) return;
    this.touched.keep(keyId, {});
    this.database
      .forTenant(tenantId, (tx) => this.repository.touch(tx, tenantId, keyId))
      .catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'use of a key was not noted'));
  }
}
