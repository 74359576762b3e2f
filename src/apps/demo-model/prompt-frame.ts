import type { ChatMessage } from './messages.ts';

const instructions = /^<instructions ref="[^"]*">\n([\s\S]*)\n<\/instructions>\n<rules-\w+>[\s\S]*<\/rules-\w+>$/;
const ownWords = /^([\s\S]*)<user-(\w+)>\n([\s\S]*)\n<\/user-\2>\s*$/;

/** The text of a system message without what a client has put around it to tell instructions from everything else. */
export function withoutFrame({ text }: ChatMessage): string {
  return instructions.exec(text)?.[1] ?? text;
}

/** The user's own words where a message has them between tags behind passages; undefined where it has none. */
export function wordsBehindPassages(text: string): { question: string; given: string } | undefined {
  const found = ownWords.exec(text);
  return found === null ? undefined : { given: found[1] ?? '', question: (found[3] ?? '').trim() };
}
