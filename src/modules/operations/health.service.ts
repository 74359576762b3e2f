import { Injectable } from '@nestjs/common';
import { Keystore } from '../../platform/crypto/index.ts';
import { TenantDatabase } from '../../platform/database/index.ts';
import { RedisConnections } from '../../platform/redis/index.ts';

/** State of one thing that the replica needs. */
export type CheckResult = 'ok' | 'unreachable';

/** Whether this replica can serve, and if not, why. */
export interface Readiness {
  ready: boolean;
  draining: boolean;
  checks: { database: CheckResult; keystore: CheckResult; redis: CheckResult };
}

/** Longest time that one check may take, in milliseconds. */
const checkTimeoutMs = 1_000;

/** Looks at what this replica needs. */
@Injectable()
export class Health {
  private draining = false;
  private started = false;

  constructor(
    private readonly database: TenantDatabase,
    private readonly keystore: Keystore,
    private readonly redis: RedisConnections,
  ) {}

  /** Start-up is complete. */
  markStarted(): void {
    this.started = true;
  }

  /** From now on proxies are told to send nobody here. */
  markDraining(): void {
    this.draining = true;
  }

  get isStarted(): boolean {
    return this.started;
  }

  get isDraining(): boolean {
    return this.draining;
  }

  /** Asks database, keystore and Redis, each within a second. */
  async readiness(): Promise<Readiness> {
    const [database, keystore, redis] = await Promise.all([
      check(this.database.ping()),
      check(this.keystore.ping()),
      check(this.redis.commands.ping()),
    ]);
    const checks = { database, keystore, redis };
    const ready = this.started && !this.draining && Object.values(checks).every((result) => result === 'ok');
    return { ready, draining: this.draining, checks };
  }
}

async function check(work: Promise<unknown>): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('too slow')), checkTimeoutMs);
  });
  try {
    await Promise.race([work, late]);
    return 'ok';
  } catch {
    return 'unreachable';
  } finally {
    clearTimeout(timer);
  }
}
