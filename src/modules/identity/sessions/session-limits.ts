import { Inject, Injectable } from '@nestjs/common';
import { type IdentityConfig, identityConfig } from '../identity.config.ts';

/** How long people of a tenant stay signed in at most, in seconds. */
export interface SessionCaps {
  accessTokenSeconds: number;
  /** From sign-in on, however often the session is refreshed. */
  sessionSeconds: number;
  /** Without a refresh. */
  idleSeconds: number;
}

const daySeconds = 86_400;

/** How long sessions live. Who knows of tenants with shorter ones registers that here, since their modules stand above this one. */
@Injectable()
export class SessionLimits {
  private capsOf: ((tenantId: string) => Promise<SessionCaps | undefined>) | undefined;

  constructor(@Inject(identityConfig.token) private readonly config: IdentityConfig) {}

  /** `capsOf`: the caps of a tenant; undefined = none besides the settings. One registration; a second throws. */
  register(capsOf: (tenantId: string) => Promise<SessionCaps | undefined>): void {
    if (this.capsOf !== undefined) throw new Error('session caps are registered twice');
    this.capsOf = capsOf;
  }

  /** How long a used refresh token still works, in seconds. */
  get refreshGraceSeconds(): number {
    return this.config.refreshGraceSeconds;
  }

  /** What counts for a tenant (a UUID) right now. */
  async of(tenantId: string): Promise<SessionCaps> {
    const { accessTokenSeconds, sessionDays, sessionIdleDays } = this.config;
    const [sessionSeconds, idleSeconds] = [sessionDays * daySeconds, sessionIdleDays * daySeconds];
    const caps = await this.capsOf?.(tenantId);
    if (caps === undefined) return { accessTokenSeconds, sessionSeconds, idleSeconds };
    return {
      accessTokenSeconds: Math.min(accessTokenSeconds, caps.accessTokenSeconds),
      sessionSeconds: Math.min(sessionSeconds, caps.sessionSeconds),
      idleSeconds: Math.min(idleSeconds, caps.idleSeconds),
    };
  }
}
