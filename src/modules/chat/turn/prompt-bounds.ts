import type { BotSettings } from '../../bots/index.ts';
import { bytesPerMessage, type Models, type Price } from '../../models/index.ts';
import { instructionMessages, marksToMeasureBy, outsideMessage } from '../../privacy/index.ts';
import type { PromptRequest } from './prompt-request.ts';
import { windowMargin } from './turn-limits.ts';

/** What a prompt and its answer may have. */
export interface PromptBounds {
  model: string;
  /** What its places are counted by (`routeOf`): who is asked first, whatever names that has been given. */
  places: string;
  /** Tokens for the prompt and the answer together, by our count. */
  window: number;
  maxOutputTokens: number;
  /** Most that a million tokens can cost, in micro-units of money. */
  price: Price;
}

/** The bounds of a bot's answers; `own` is what a caller of the OpenAI dialect asked for. */
export async function promptBounds(
  models: Models,
  tenantId: string,
  settings: BotSettings,
  own: PromptRequest | undefined,
): Promise<PromptBounds> {
  const model = settings.model ?? models.defaultModel;
  const route = await models.routeFor(tenantId, model);
  const window = Math.floor(route.window * (1 - windowMargin));
  const asked = own?.maxOutputTokens ?? settings.max_output_tokens ?? models.defaultMaxOutputTokens;
  const maxOutputTokens = Math.min(asked, Math.floor(window / 2), route.maxOutputTokens ?? asked);
  return { model, places: route.firstAsked, window, maxOutputTokens, price: route.price };
}

/** Instructions that a caller adds to the bot's. */
export function callerInstructions(own: PromptRequest | undefined): string[] {
  return (own?.messages ?? []).filter(({ role }) => role === 'system').map(({ content }) => content);
}

/** Bytes of a prompt besides the conversation's own messages, with all that keeps its sources apart. */
export function ownBytes(settings: BotSettings, own: PromptRequest | undefined): number {
  const sources = { instructions: settings.instructions, callerInstructions: callerInstructions(own) };
  const others = (own?.messages ?? []).filter(({ role }) => role !== 'system').map(outsideMessage);
  const messages = [...instructionMessages(sources, marksToMeasureBy), ...others];
  return messages.reduce((sum, { content }) => sum + Buffer.byteLength(content) + bytesPerMessage, 0);
}
