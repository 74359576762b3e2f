import { Logger } from '@nestjs/common';
import { metrics } from '../../../platform/telemetry/index.ts';
import type { BotSettings } from '../../bots/index.ts';
import { defaultInjectionPolicy, judgeSend } from '../../privacy/index.ts';
import { chatErrors } from '../chat.errors.ts';
import type { SendRequest } from './send-request.ts';

const logger = new Logger('InjectionCheck');

/**
 * Judges a message, and what its caller says was written before it, by the bot's policy on attacks. Counts what it finds; an attack is logged
 * without its text. Throws 422 `prompt_injection_blocked` where the policy says so.
 */
export async function checkInjection({ party, text, prompt }: SendRequest, settings: BotSettings): Promise<void> {
  const policy = settings.injection ?? defaultInjectionPolicy;
  // Answers are the model's own, though a caller could invent some: what they say is judged as everything else is.
  const before = (prompt?.messages ?? []).filter(({ role }) => role !== 'system').map(({ content }) => content);
  const analysis = await judgeSend([text, ...before.toReversed()], policy);
  if (analysis === undefined) return;
  const { verdict, score, reasons } = analysis;
  metrics.injectionVerdicts.inc({ verdict, policy: policy.policy });
  if (verdict !== 'attack') return;
  const codes = reasons.map(({ code }) => code);
  logger.log(
    { tenant: party.tenantId, bot: party.botId, score, reasons: codes, policy: policy.policy },
    'a message looks like an attack on the instructions',
  );
  if (policy.policy === 'block') throw chatErrors.promptInjectionBlocked(codes);
}
