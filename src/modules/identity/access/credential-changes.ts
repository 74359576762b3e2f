import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ReplicaBus } from '../../../platform/replicas/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';

/** Milliseconds for which a credential's state may be remembered: leaves a second to the promise that a revoked one dies within five. */
export const credentialMemoryMs = 4_000;

/** Says on every replica that credentials of a tenant have changed, so that nobody goes by what they remember. */
@Injectable()
export class CredentialChanges implements OnModuleInit {
  private readonly logger = new Logger(CredentialChanges.name);
  private readonly listeners: ((tenantId: string) => void)[] = [];

  constructor(private readonly bus: ReplicaBus) {}

  onModuleInit(): void {
    // Not awaited: without Redis the start would hang here, and what is missed is found when memory grows old.
    this.bus
      .onHint('recheck-credentials', ({ tenantId }) => this.tell(tenantId))
      .catch((error: unknown) =>
        this.logger.warn({ error: safeError(error) }, 'no hints about revoked credentials; they die a little later'),
      );
  }

  /** Calls `listener` with the tenant whose credentials have changed. */
  onChange(listener: (tenantId: string) => void): void {
    this.listeners.push(listener);
  }

  /** Call after the commit of a change that takes something away. */
  announce(tenantId: string): void {
    this.tell(tenantId);
    this.bus.hint({ kind: 'recheck-credentials', tenantId });
  }

  private tell(tenantId: string): void {
    for (const listener of this.listeners) listener(tenantId);
  }
}
