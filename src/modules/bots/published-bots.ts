import { Injectable } from '@nestjs/common';
import { KeyRing } from '../../platform/crypto/index.ts';
import { TenantDatabase } from '../../platform/database/index.ts';
import { BotsRepository } from './bots.repository.ts';
import type { BotSettings } from './bots.schemas.ts';
import { versionPlace } from './bots.service.ts';

/** A bot as chat sees it. */
export interface PublishedBot {
  id: string;
  versionId: string;
  allowedOrigins: string[];
  settings: BotSettings;
}

/** How long "which version is published" may be remembered, in milliseconds. */
const freshMs = 2_000;
const maxRemembered = 2_000;

/** The published version of each bot, remembered for a moment: a busy bot costs no query per turn. */
@Injectable()
export class PublishedBots {
  private readonly remembered = new Map<string, { bot: PublishedBot; until: number }>();

  constructor(
    private readonly database: TenantDatabase,
    private readonly keyRing: KeyRing,
    private readonly bots: BotsRepository,
  ) {}

  /** The published bot, or undefined when the tenant has no such bot. At most two seconds old. */
  async find(tenantId: string, botId: string): Promise<PublishedBot | undefined> {
    const name = `${tenantId}|${botId}`;
    const known = this.remembered.get(name);
    // Real time on purpose: how fresh a memory is does not depend on the business clock.
    if (known !== undefined && known.until > performance.now()) return known.bot;
    this.remembered.delete(name);
    const stored = await this.database.atOnce(tenantId, (tx) => this.bots.published(tx, tenantId, botId));
    if (stored === undefined) return undefined;
    const settings = await this.keyRing.open(versionPlace(tenantId, stored.versionId), stored.settings);
    const bot: PublishedBot = {
      id: botId,
      versionId: stored.versionId,
      allowedOrigins: stored.allowedOrigins,
      settings: JSON.parse(settings.toString()) as BotSettings,
    };
    this.remembered.set(name, { bot, until: performance.now() + freshMs });
    if (this.remembered.size > maxRemembered) this.remembered.delete(this.remembered.keys().next().value as string);
    return bot;
  }
}
