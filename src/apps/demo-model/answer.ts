import { lastText, type ChatMessage } from './messages.ts';
import { withoutFrame, wordsBehindPassages } from './prompt-frame.ts';
import { findSentences, type Found } from './passages.ts';
import { words } from './words.ts';

const setUp = '```\nOPENAI_API_KEY=your-key\nOPENAI_BASE_URL=https://api.openai.com/v1\n```';
const label =
  "*I am Parley's demo model: I quote what I was given, I do not think. For a real model set `OPENAI_API_KEY` (and `OPENAI_BASE_URL`).*";
const shortLabel = '*(demo model)*';

const greeting =
  /^[^\p{L}\p{N}]*(?:hi|hey|hello|hallo|hola|bonjour|ciao|servus|moin|good (?:morning|afternoon|evening)|привет|你好)(?![\p{L}])/iu;
const thanks = /^\W*(?:thanks|thank you|thx|danke|merci|gracias|great|perfect|bye|goodbye)\b/i;
const capabilities =
  /\b(?:what (?:can|do) you do|who are you|what are you|are you (?:a |an )?(?:real|human|bot|ai|robot)|how (?:can|could) you help|help me$|^help)\b/i;
const plugIn = /\b(?:real model|api[_ ]key|plug in|demo model|openai|azure|vllm|ollama)\b/i;
const recall =
  /\b(?:(?:did|have) i (?:just |already )?(?:say|said|ask|asked|tell|told|write|written)|my (?:first|last|previous|earlier) (?:question|message)|remember|earlier|before that)\b/i;
const followUp = /^\W*(?:and|but|so|why|how so|what about|how about|tell me more|more|go on|really|are you sure)\b/i;

/**
 * The demo model's answer: a function of the messages only. It quotes the sentences of instructions, passages and conversation that
 * fit the last user message best, and says that it is a demo. Takes messages without directives.
 */
export function answer(messages: readonly ChatMessage[]): string {
  const lastUser = lastText(messages, 'user').trim();
  const { question, given } = splitQuestion(lastUser);
  const material = [...messages.filter((message) => message.role === 'system' || message.role === 'tool').map(withoutFrame), given];
  const instructions = material.join('\n');
  const lastUserIndex = messages.findLastIndex((message) => message.role === 'user');
  const earlier = messages.slice(0, Math.max(0, lastUserIndex)).filter((message) => message.role === 'user' && message.text.trim() !== '');
  const sign = earlier.length === 0 ? label : shortLabel;

  if (question === '') return `You sent me an empty message. Ask me something that my instructions speak of.\n\n${label}`;
  if (thanks.test(question) && words(question).length <= 8) return `You are welcome! Ask me anything else.\n\n${shortLabel}`;
  if (capabilities.test(question)) return capabilitiesAnswer(instructions);
  if (greeting.test(question) && words(question).length <= 4) return greetingAnswer(instructions);
  if (recall.test(question)) return recallAnswer(question, earlier);

  const found = findSentences(instructions, question);
  const said = findSentences(earlier.map((message) => message.text).join('\n'), question, 1);
  const lines = [`You asked: “${clip(question, 200)}”`];
  const before = earlier.at(-1);
  if (followUp.test(question) && before !== undefined)
    lines.push(`Before that you wrote: “${clip(splitQuestion(before.text).question, 160)}”`);
  if (found.length > 0) lines.push('Here is what I was given on that:', quote(found));
  if (said.length > 0) lines.push('And earlier you told me:', quote(said));
  if (plugIn.test(question))
    lines.push('To answer with a real model, start Parley with these two settings (any server that speaks OpenAI’s API will do):', setUp);
  else if (found.length === 0 && said.length === 0) lines.push(nothingFound(question, instructions));
  return [...lines, sign].join('\n\n');
}

function greetingAnswer(instructions: string): string {
  const persona = personaOf(instructions);
  const who = persona === null ? 'I am the demo model behind this bot.' : `My instructions say that I am **${persona}**.`;
  return `Hello! ${who} Ask me something, and I will look it up in what I was given.\n\n${label}`;
}

function capabilitiesAnswer(instructions: string): string {
  const persona = personaOf(instructions);
  return [
    persona === null
      ? 'I am a demo model, so what I can do is modest:'
      : `I stand in for **${persona}**, as a demo model. What I can do is modest:`,
    [
      '- **Look things up**: I quote the sentences of my instructions and passages that fit your question best.',
      '- **Remember this conversation**: ask me “What did I ask before?”',
      '- **Stream**, token by token, and count what it costs, like a real model.',
      '- **Misbehave on request**, for tests: errors, cuts and stalls can be scripted.',
    ].join('\n'),
    'For real answers plug in a real model:',
    setUp,
    label,
  ].join('\n\n');
}

function recallAnswer(question: string, earlier: readonly ChatMessage[]): string {
  if (earlier.length === 0)
    return `You asked: “${clip(question, 200)}”\n\nThis is your first message here, so there is nothing to recall yet.\n\n${label}`;
  const shown = earlier.slice(-5);
  const first = earlier.length - shown.length + 1;
  const list = shown.map((message, index) => `${first + index}. “${clip(splitQuestion(message.text.trim()).question, 160)}”`).join('\n');
  return `Before this you sent me ${earlier.length === 1 ? 'one message' : `${earlier.length} messages`}:\n\n${list}\n\n${shortLabel}`;
}

function nothingFound(question: string, instructions: string): string {
  const subject = words(question).length > 0 ? 'Nothing that I was given fits that' : 'I found no words in that to look for';
  return instructions.trim() === ''
    ? `${subject}: this bot has no instructions or passages yet. Give it some, and I will quote from them.`
    : `${subject}. A real model would reason on from here; I can only look things up. Try words that my instructions or passages use.`;
}

function quote(found: readonly Found[]): string {
  return found.map(({ sentence, label: source }) => `> ${sentence}${source === null ? '' : ` [${source}]`}`).join('\n>\n');
}

function personaOf(instructions: string): string | null {
  return /\byou are ((?:an? |the )?[^.\n!;:,]{2,80})/i.exec(instructions)?.[1]?.trim() ?? null;
}

/** A last message may carry passages in front of its question: the last paragraph is the question, unless the whole is short. */
function splitQuestion(text: string): { question: string; given: string } {
  const behind = wordsBehindPassages(text);
  if (behind !== undefined) return behind;
  if (text.length <= 400) return { question: text.trim(), given: '' };
  const at = text.trimEnd().lastIndexOf('\n');
  return at === -1 ? { question: text, given: '' } : { question: text.slice(at).trim(), given: text.slice(0, at) };
}

function clip(text: string, length: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= length ? line : `${line.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
