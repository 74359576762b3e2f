import { Injectable } from '@nestjs/common';
import { Keystore } from '../../platform/crypto/index.ts';
import { TenantDatabase, type WriteTrouble } from '../../platform/database/index.ts';
import { RedisConnections, type RedisTrouble } from '../../platform/redis/index.ts';

/** State of one thing that the replica needs: `ok`, or why it cannot be used. */
export type CheckResult = 'ok' | 'unreachable' | WriteTrouble | RedisTrouble;

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

  private readonly database: Check;
  private readonly keystore: Check;
  private readonly redis: Check;

  constructor(database: TenantDatabase, keystore: Keystore, redis: RedisConnections) {
    this.database = new Check(async () => {
      const { readOnly } = await database.ping();
      return database.writeTrouble() ?? (readOnly ? 'read only' : 'ok');
    });
    this.keystore = new Check(async () => {
      await keystore.ping();
      return 'ok';
    });
    this.redis = new Check(async () => (await redis.trouble()) ?? 'ok');
  }

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
    const [database, keystore, redis] = await Promise.all([this.database.result(), this.keystore.result(), this.redis.result()]);
    const checks = { database, keystore, redis };
    const ready = this.started && !this.draining && Object.values(checks).every((result) => result === 'ok');
    return { ready, draining: this.draining, checks };
  }
}

/** One check. Those that are asked for while one runs share it, so that questions to a silent server do not pile up. */
class Check {
  private running: Promise<CheckResult> | undefined;

  constructor(private readonly ask: () => Promise<CheckResult>) {}

  /** The answer, or `unreachable` when there is none within a second. */
  async result(): Promise<CheckResult> {
    this.running ??= this.ask()
      .catch((): CheckResult => 'unreachable')
      .finally(() => {
        this.running = undefined;
      });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<CheckResult>((resolve) => {
      timer = setTimeout(() => resolve('unreachable'), checkTimeoutMs);
    });
    try {
      return await Promise.race([this.running, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
