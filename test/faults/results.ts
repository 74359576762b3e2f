import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Verdict } from './checker/checker.ts';
import type { Report } from './report.ts';
import { type Evidence, keyIn, type SentMessage } from './support/history.ts';

/** A message's history in ids, numbers and kinds, for people. */
export function formatHistory(message: SentMessage): string {
  const begin = message.readings[0]?.at ?? 0;
  const lines = message.readings.map((reading) => {
    const events = reading.events.map((event) => {
      const at = `+${Math.round(event.at - begin)}`;
      if (event.type !== 'chunk')
        return `${at} ${event.type}${event.type === 'cut' ? ` (${event.why})` : event.type === 'refused' ? ` ${event.status} ${event.text}` : ''}`;
      const numbers = event.chunk.delta === undefined ? '' : ` "${event.chunk.delta.replaceAll(message.key, '').trim()}"`;
      return `${at} ${event.sequence}:${event.chunk.type}${numbers}${event.chunk.finishReason === undefined ? '' : ` ${event.chunk.finishReason}`}`;
    });
    const after = reading.after === undefined ? '' : ` after ${reading.after.log}:${reading.after.sequence}`;
    return `  view ${reading.view} ${reading.kind} ${reading.dialect} ${reading.through}${after}\n    ${events.join('\n    ')}`;
  });
  return `${message.key} in ${message.conversation}\n${lines.join('\n')}`;
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
