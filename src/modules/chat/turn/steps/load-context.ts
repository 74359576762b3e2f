import { botErrors } from '../../../bots/index.ts';
import { type HistoryMessage, openContents, textOf } from '../../../conversations/index.ts';
import { bytesPerMessage, countTokens, inputBound, type ModelMessage, tokensPerMessage } from '../../../models/index.ts';
import { instructionMessages, newMarks, outsideMessage, placeholderSecret, promptParts } from '../../../privacy/index.ts';
import { openRequest, type PromptRequest } from '../prompt-request.ts';
import { callerInstructions, promptBounds } from '../prompt-bounds.ts';
import { maxHistoryMessages } from '../turn-limits.ts';
import type { TurnRun } from '../turn-run.ts';
import type { TurnTools } from '../turn-tools.ts';

interface Counted {
  message: ModelMessage;
  tokens: number;
  /** Of a message that is stored. */
  id?: string;
}

/**
 * Makes the prompt: the bot's instructions, then as much history as fits the model's window beside the answer, newest
 * first. The newest message is always there; what does not fit of it is the provider's to refuse.
 */
export async function loadContext(run: TurnRun, tools: TurnTools): Promise<void> {
  const { tenantId, turn } = run;
  const bot = await tools.prompting.bots.find(tenantId, turn.botId);
  if (bot === undefined) throw botErrors.notFound();
  run.bot = bot;
  const { settings } = bot;
  const own = turn.request === null ? undefined : await openRequest(tools.storage.keyRing, tenantId, turn.id, turn.request);
  const { model, window, maxOutputTokens } = await promptBounds(tools.prompting.models, tenantId, settings, own);
  const marks = newMarks(bot.versionId);
  const sources = { instructions: settings.instructions, callerInstructions: callerInstructions(own) };
  const instructions = instructionMessages(sources, marks).map(counted);
  const room = window - maxOutputTokens - sum(instructions);
  const found = await hidden(run, tools, await candidates(run, tools, own));
  const bytes =
    run.reserved === undefined ? Number.POSITIVE_INFINITY : run.reserved.input - inputBound(instructions.map(({ message }) => message));
  const history = fitting(found, room, bytes);
  const newest = history.at(-1);
  const before = history.slice(0, -1).map(({ message }) => message);
  delete run.history;
  const temperature = own?.temperature ?? settings.temperature;
  const topP = own?.topP ?? settings.top_p;
  run.marks = marks;
  run.prompt = {
    model,
    messages: promptParts({ ...sources, history: before, ...(newest === undefined ? {} : { user: newest.message.content }) }, marks),
    inputTokens: sum(instructions) + sum(history),
    maxOutputTokens,
    needs: settings.skills,
    ...(temperature === null ? {} : { temperature }),
    ...(topP === null ? {} : { topP }),
  };
}

/** Messages that may go into the prompt, newest first: our own history, or the list of a caller that keeps its own. */
async function candidates(run: TurnRun, tools: TurnTools, own: PromptRequest | undefined): Promise<Counted[]> {
  const { tenantId } = run;
  const limit = own === undefined ? maxHistoryMessages : 1;
  const { keyRing } = tools.storage;
  const stored = run.history ?? (await readHistory(run, tools, limit));
  const contents = await openContents(keyRing, tenantId, stored);
  const ours = stored.map(({ id, role, tokens }, at) => {
    const text = textOf(contents[at] ?? []);
    const message = outsideMessage({ role, content: text });
    return message.content === text ? { id, message, tokens: tokens + tokensPerMessage } : { id, ...counted(message) };
  });
  const theirs = (own?.messages ?? []).filter(({ role }) => role !== 'system').map((message) => counted(outsideMessage(message)));
  return [...ours, ...theirs.toReversed()];
}

/** The messages as the model may have them. What stands for what is kept for the answer. */
async function hidden(run: TurnRun, tools: TurnTools, messages: Counted[]): Promise<Counted[]> {
  const { tenantId, turn, key, bot } = run;
  const policy = await tools.prompting.privacy.policyOf(tenantId, bot?.settings.privacy ?? null);
  const secret = placeholderSecret(key.bytes, tenantId, turn.conversationId);
  const { pseudonyms, texts } = await tools.prompting.privacy.hide(
    messages.map(({ id, message }) => ({ text: message.content, ...(id === undefined ? {} : { id }) })),
    policy,
    secret,
  );
  run.pseudonyms = pseudonyms;
  run.masking = tools.prompting.privacy.answerMasking(policy);
  return messages.map((each, at) => {
    const content = texts[at] ?? '';
    return content === each.message.content ? each : counted({ ...each.message, content });
  });
}

/** Reads what the conversation has, and, where this is the turn's first call, what its commit has reserved. */
async function readHistory(run: TurnRun, tools: TurnTools, limit: number): Promise<HistoryMessage[]> {
  const { tenantId, turn } = run;
  const { database, messages, quota } = tools.storage;
  const [stored, reserved] = await database.atOnce(tenantId, (tx) =>
    Promise.all([
      messages.history(tx, tenantId, turn.conversationId, turn.userPosition, limit),
      turn.modelCalls === 1 ? quota.reserved(tx, tenantId, turn.id, 1) : undefined,
    ]),
  );
  if (reserved !== undefined) run.reserved = reserved;
  return stored;
}

/**
 * As many as fit into the tokens (by our count) and the bytes (those that were reserved), newest first and without a gap; then in
 * their order. The newest always stays.
 */
function fitting(newestFirst: Counted[], room: number, bytes: number): Counted[] {
  const taken: Counted[] = [];
  let left = room;
  let bytesLeft = bytes;
  for (const candidate of newestFirst) {
    left -= candidate.tokens;
    bytesLeft -= Buffer.byteLength(candidate.message.content) + bytesPerMessage;
    if ((left < 0 || bytesLeft < 0) && taken.length > 0) break;
    taken.push(candidate);
  }
  return taken.toReversed();
}

function counted(message: ModelMessage): Counted {
  return { message, tokens: countTokens(message.content) + tokensPerMessage };
}

function sum(messages: Counted[]): number {
  return messages.reduce((total, { tokens }) => total + tokens, 0);
}
