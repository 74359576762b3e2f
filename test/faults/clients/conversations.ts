import { setTimeout as sleep } from 'node:timers/promises';
import { type SentMessage, wordsOf } from '../support/history.ts';
import type { SeededRandom } from '../support/random.ts';
import { MessageReader } from './message-reader.ts';
import type { Access } from './reading-request.ts';

/** A tenant with a bot, as its clients know it. */
export interface Tenant {
  /** The letter that marks its words. */
  letter: string;
  uuid: string;
  apiKey: string;
  botId: string;
}

/** What answers look like. */
export interface AnswerShape {
  tokensPerSecond: number;
  words: { least: number; most: number };
}

/** How the streams of a run behave. */
export interface Load {
  tenants: Tenant[];
  /** Base URL and name for the next request. */
  target: () => { url: string; name: string };
  answers: AnswerShape;
  random: SeededRandom;
  /** No new messages after this. */
  stopping: AbortSignal;
  /** Readers that still wait give up. */
  giveUp: AbortSignal;
}

/** Questions of one conversation before the next one begins. */
const questionsEach = 4;
/** Chance that a reader leaves a reading, that a message has two readers at once, that the model cuts an answer. */
const chances = { leaves: 0.25, twice: 0.06, modelCut: 0.03 };

let messages = 0;

/** A new message with a key of its own, scripted for the demo model. Keys are unique within this process. */
export function newMessage(letter: string, conversation: string, shape: { words: number; script: object }): SentMessage {
  const key = `T${letter}x${(messages += 1).toString(36)}`;
  const expected = wordsOf(key, shape.words);
  const script = JSON.stringify({ text: expected, ...shape.script });
  return { key, tenant: letter, conversation, messageId: `${key}-id`, text: `${key} [[demo: ${script}]]`, expected, readings: [] };
}

/** Access of a conversation's visitor to wherever the next request goes. */
export function accessOf(tenant: Tenant, visitorId: string, target: () => { url: string; name: string }): () => Access {
  return () => ({ ...target(), apiKey: tenant.apiKey, botId: tenant.botId, visitorId });
}

/** One stream: a visitor that asks one question after the other. Pushes each message to `sent` before it is sent. */
export async function converse(load: Load, stream: number, sent: SentMessage[]): Promise<void> {
  const random = load.random.branch(`stream ${stream}`);
  const tenant = load.tenants[stream % load.tenants.length];
  if (tenant === undefined) throw new Error('a stream needs a tenant');
  const access = accessOf(tenant, `visitor-${stream}`, load.target);
  for (let question = 0; !load.stopping.aborted; question += 1) {
    const conversation = `conversation-${stream}-${Math.floor(question / questionsEach)}`;
    const words = random.integer(load.answers.words.least, load.answers.words.most);
    const cut = random.chance(chances.modelCut) ? { cut_after_tokens: random.integer(1, 10) } : {};
    const pace = { tokens_per_second: load.answers.tokensPerSecond, first_token_ms: random.integer(0, 300) };
    const message = newMessage(tenant.letter, conversation, { words, script: { ...pace, ...cut } });
    sent.push(message);
    const views = random.chance(chances.twice) ? [0, 1] : [0];
    await Promise.all(
      views.map((view) =>
        new MessageReader(message, {
          access,
          view,
          leaves: chances.leaves,
          random: random.branch(`reader ${view} of ${question}`),
          giveUp: load.giveUp,
        }).read(),
      ),
    );
    await sleep(random.integer(0, 500), undefined, { signal: load.stopping }).catch(() => undefined);
  }
}
