import { format, resolveConfig } from 'prettier';
import type { Ended } from './hostile-run.ts';
import { wholeTokens } from './hostile-server.ts';

/** What became of one fault. */
export interface Row {
  name: string;
  ended: { once: Ended; onceUncontinued: Ended; always: Ended; alwaysUncontinued: Ended };
}

/** The page about hostile providers. */
export async function reportOf(chapters: { title: string; rows: Row[] }[], settings: Record<string, string>): Promise<string> {
  const config = (await resolveConfig(new URL('../../package.json', import.meta.url))) ?? {};
  return format([introduction(settings), ...chapters.map(chapterOf)].join('\n\n'), { ...config, parser: 'markdown' });
}

function introduction(settings: Record<string, string>): string {
  return `# Hostile providers

Written by \`test/models/hostile-providers.test.ts\`, which runs each row against \`Models.stream\` with the real client and fails when
one ends otherwise (\`UPDATE_GENERATED=1 npm test -- test/models/hostile-providers.test.ts\` writes this page). The answer has
${wholeTokens} tokens.

A cell says how the answer ended, how many of its tokens are shown, and how many provider calls it took. The fault happens on the first
call only or on every one, with a model that goes on from a given text and with one that does not. Besides, for every row: the text shown
is the beginning of the answer, each word once and nothing foreign, and all of it where it ended with \`stop\`; each call books at least
what the server's own log says it served and at most what was reserved before it; no connection stays open that the server still works
on; the deadline holds.

"Booked" is what the first call costs: as the provider reported it; nothing, where it is known to have served nothing; otherwise all that
was reserved for it (a bound of the input plus the longest answer), since nobody knows.

Settings: ${Object.entries(settings)
    .map(([name, value]) => `\`${name}=${value}\``)
    .join(', ')}.`;
}

const columns = ['the provider', 'once; the model goes on', 'once; it does not', 'always; it goes on', 'always; it does not', 'booked'];

function chapterOf({ title, rows }: { title: string; rows: Row[] }): string {
  const lines = rows.map(({ name, ended: { once, onceUncontinued, always, alwaysUncontinued } }) =>
    [name, ...[once, onceUncontinued, always, alwaysUncontinued].map(cellOf), once.calls[0]?.how ?? 'no call'].map(escaped).join(' | '),
  );
  return [
    `## ${title}`,
    '',
    `| ${columns.join(' | ')} |`,
    `|${' --- |'.repeat(columns.length)}`,
    ...lines.map((line) => `| ${line} |`),
  ].join('\n');
}

function cellOf({ ended, tokens, restarts, calls }: Ended): string {
  const anew = restarts === 0 ? '' : ', begun anew';
  return `${ended}, ${tokens === wholeTokens ? 'all' : (tokens ?? 'some')}, ${calls.length} ${calls.length === 1 ? 'call' : 'calls'}${anew}`;
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|');
}
