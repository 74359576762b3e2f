import { Injectable } from '@nestjs/common';
import { newUuid } from '../../../kernel/ids.ts';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { SystemDatabase, type Transaction } from '../../../platform/database/index.ts';
import { isRefreshTokenShaped, newRefreshToken } from './refresh-token.ts';
import { type LocatedToken, SessionsRepository } from './sessions.repository.ts';

/** Refresh tokens, of which only keyed hashes are stored. */
@Injectable()
export class RefreshTokens {
  constructor(
    private readonly system: SystemDatabase,
    private readonly repository: SessionsRepository,
    private readonly hash: KeyedHash,
  ) {}

  /** Stores a new one for a session; gives it. */
  async add(tx: Transaction, tenantId: string, sessionId: string): Promise<string> {
    const token = newRefreshToken();
    await this.repository.insertToken(tx, { tenantId, id: newUuid(), sessionId, hash: this.hash.of('refresh-token', token) });
    return token;
  }

  /** Where one is; undefined for what is none. */
  async locate(token: string): Promise<LocatedToken | undefined> {
    if (!isRefreshTokenShaped(token)) return undefined;
    const hash = this.hash.of('refresh-token', token);
    return this.system.run('credential-lookup', (tx) => this.repository.locate(tx, hash));
  }
}
