import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../platform/database/index.ts';
import { ApiKeysRepository } from './api-keys/api-keys.repository.ts';
import { AccountsRepository } from './sign-in/accounts.repository.ts';

/** What identity makes of which a tenant may have only so many. */
export type Creation = 'api_keys' | 'seats';

/** Asked inside the transaction that makes one more; throws AppError to refuse. */
export type LimitCreation = (tx: Transaction, tenantId: string, what: Creation) => Promise<void>;

/** Where a higher module says how many of something a tenant may have. Without one there is no limit. */
@Injectable()
export class CreationLimits {
  private limit: LimitCreation | undefined;

  constructor(
    private readonly keys: ApiKeysRepository,
    private readonly accounts: AccountsRepository,
  ) {}

  /** Sets who is asked; at start. */
  limitBy(limit: LimitCreation): void {
    this.limit = limit;
  }

  /** Asks for one more, before it is written. */
  async take(tx: Transaction, tenantId: string, what: Creation): Promise<void> {
    await this.limit?.(tx, tenantId, what);
  }

  /** How many a tenant has. */
  count(tx: Transaction, tenantId: string, what: Creation): Promise<number> {
    return what === 'api_keys' ? this.keys.count(tx, tenantId) : this.accounts.countMemberships(tx, tenantId);
  }
}
