import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Verdict } from './checker/checker.ts';
import type { Report } from './report.ts';
import { type Evidence, keyIn, type ReaderEvent, type SentMessage } from './support/history.ts';

/** A silence that is shown, in milliseconds. */
const longPauseMs = 1_000;

/** A message's history in ids, numbers and kinds, for people. */
export function formatHistory(message: SentMessage): string {
  const begin = message.readings[0]?.at ?? 0;
  const lines = message.readings.map((reading) => {
    const after = reading.after === undefined ? '' : ` after ${reading.after.log}:${reading.after.sequence}`;
    const events = shorten(reading.events).map((group) => formatGroup(group, { begin, key: message.key }));
    return `  view ${reading.view} ${reading.kind} ${reading.dialect} ${reading.through}${after}\n    ${events.join('\n    ')}`;
  });
  return `${message.key} in ${message.conversation}\n${lines.join('\n')}`;
}

/** Groups text chunks whose numbers follow each other: they are not what one looks for. */
function shorten(events: ReaderEvent[]): ReaderEvent[][] {
  const groups: ReaderEvent[][] = [];
  for (const event of events) {
    const last = groups.at(-1)?.at(-1);
    const follows =
      last?.type === 'chunk' &&
      event.type === 'chunk' &&
      last.chunk.type === 'text-delta' &&
      event.chunk.type === 'text-delta' &&
      event.sequence === last.sequence + 1 &&
      event.at - last.at < longPauseMs;
    if (follows) groups.at(-1)?.push(event);
    else groups.push([event]);
  }
  return groups;
}

function formatGroup(group: ReaderEvent[], { begin, key }: { begin: number; key: string }): string {
  const [first, last] = [group[0], group.at(-1)];
  if (first === undefined || last === undefined) return '';
  const at = `+${Math.round(first.at - begin)}`;
  if (first.type === 'cut') return `${at} cut (${first.why})`;
  if (first.type === 'refused') return `${at} refused ${first.status} ${first.text}`;
  if (first.type !== 'chunk' || last.type !== 'chunk') return `${at} ${first.type}`;
  const { chunk } = first;
  if (chunk.type !== 'text-delta') return `${at} ${first.sequence}:${chunk.type} ${chunk.finishReason ?? ''}`.trimEnd();
  const words = group.map((event) => (event.type === 'chunk' ? event.chunk.delta : '')).join('');
  const numbers = [...words.replaceAll(key, '').matchAll(/_\d+|\S+/g)].map(([number]) => number);
  const shown = numbers.length > 2 ? `${numbers[0]} … ${numbers.at(-1)}` : numbers.join(' ');
  return `${at} ${first.sequence}–${last.sequence}:text-delta ${shown}`;
}

/** Writes the report, and the whole evidence of what was violated, into a folder; gives the file's path. */
export function writeResult(
  folder: string,
  name: string,
  content: { report: Report; verdict: Verdict; evidence: Evidence; settings: object },
): string {
  mkdirSync(folder, { recursive: true });
  const { verdict, evidence, report, settings } = content;
  const hurt = new Set(verdict.violations.map(({ key }) => key));
  const about = <T extends { question: string | undefined }>(items: T[]) =>
    items.filter(({ question }) => hurt.has(keyIn(question ?? '') ?? ''));
  const file = join(folder, `${name}.json`);
  const histories = evidence.messages.filter(({ key }) => hurt.has(key));
  const kept = {
    settings,
    report,
    violations: verdict.violations,
    histories,
    stored: about(evidence.stored),
    served: about(evidence.served),
  };
  writeFileSync(file, JSON.stringify(kept, undefined, 1));
  return file;
}
