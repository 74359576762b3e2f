import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { closePool, inTransaction } from './pool.ts';
import type { Transaction } from './transaction.ts';

/** Injection token of the pool for system work. */
export const SYSTEM_POOL = 'database:system-pool';

/**
 * Every reason for which code may work outside a tenant. The role behind it sees only the tables and columns that its own
 * policies and grants name (a migration gives them), never ciphertext.
 */
export const systemReasons = {
  'sign-up': 'creates a user before a tenant exists',
  'sign-in': 'finds a user by the keyed hash of an e-mail',
  'credential-lookup': 'finds tenant and id of a credential by its keyed hash',
  'credential-recheck': 'which open credentials have been revoked or changed',
  heartbeat: 'this replica says that it is alive',
  'turn-sweep': 'finds turns whose owner is gone or whose deadline has passed',
  'turn-queue': 'finds the turns that are next, and how long the queue is',
  plans: 'reads and changes plans, which belong to no tenant',
  'outbox-relay': 'finds events and jobs that wait to be handed on',
  'purge-expired': 'finds rows past their time',
  'audit-prune': 'deletes the oldest rows of an audit chain, past their time, and leaves a checkpoint',
  erasure: 'deletes users without a membership, and finds erasures that are not finished or have come undone',
  retention: 'finds the tenants whose rows are next to be looked at for their age',
  'model-settings': 'reads and writes the catalog of models and the routes of the platform',
  'key-reencrypt': 'puts secrets of the platform, encrypted anew, in the place of the old',
  'startup-check': 'reads the catalogue at start',
} as const;

/** Name of one listed reason. */
export type SystemReason = keyof typeof systemReasons;

/** Work outside a tenant: few, named and logged (debug level). */
@Injectable()
export class SystemDatabase implements OnApplicationShutdown {
  private readonly logger = new Logger(SystemDatabase.name);

  constructor(@Inject(SYSTEM_POOL) private readonly pool: DataSource) {}

  /** Runs `work` in one transaction as the system role. Commits when it resolves, rolls back when it throws. */
  run<T>(reason: SystemReason, work: (tx: Transaction) => Promise<T>): Promise<T> {
    this.logger.debug({ reason }, 'system database');
    return inTransaction(this.pool, [], work);
  }

  async onApplicationShutdown(): Promise<void> {
    await closePool(this.pool);
  }
}
