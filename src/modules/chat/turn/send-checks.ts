import { Inject, Injectable } from '@nestjs/common';
import type { BotSettings } from '../../bots/index.ts';
import { privacyErrors, PromptPrivacy } from '../../privacy/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import { chatErrors } from '../chat.errors.ts';
import type { SendRequest } from './send-request.ts';

/** What is looked at in a message before anything of it is stored. */
@Injectable()
export class SendChecks {
  constructor(
    private readonly privacy: PromptPrivacy,
    @Inject(chatConfig.token) private readonly config: ChatConfig,
  ) {}

  /** Throws 400 and 413 for an empty and a too large message. */
  checkSize({ text }: SendRequest): void {
    if (text.trim() === '') throw chatErrors.emptyMessage();
    if (Buffer.byteLength(text) > this.config.messageBytes) throw chatErrors.messageTooLarge(this.config.messageBytes);
  }

  /**
   * Looks for personal data by the bot's policy; gives the bytes that the prompt grows by when they are hidden. Throws 422
   * `personal_data_blocked`.
   */
  async checkContent({ party, text, prompt }: SendRequest, settings: BotSettings): Promise<number> {
    const policy = await this.privacy.policyOf(party.tenantId, settings.privacy ?? null);
    if (policy.look.kinds.length === 0) return 0;
    const { blocked, growth } = await this.privacy.check(text, policy);
    if (blocked.length > 0) throw privacyErrors.blocked(blocked);
    const own = (prompt?.messages ?? []).filter(({ role }) => role !== 'system');
    // Not for earlier messages: where their placeholders are longer than what was reserved, the oldest ones have less room.
    return (
      growth +
      (await this.privacy.growthOf(
        own.map(({ content }) => content),
        policy,
      ))
    );
  }
}
