import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');

/** Paths of this repository that a page names in code style. */
function pathsIn(page: string): string[] {
  const named = [...page.matchAll(/`((?:src|test|migrations|docs|deploy|scripts)\/[^`\s]+)`/g)].map(([, path]) => path ?? '');
  return [...new Set(named)];
}

const missingOf = (page: string) => pathsIn(page).filter((path) => !existsSync(join(root, path)));

test('every file that the table of privacy controls names exists', () => {
  const page = readFileSync(join(root, 'docs/privacy-controls.md'), 'utf8');
  expect(missingOf(page)).toEqual([]);
  // The check itself: it sees what the page names, and would say what is not there.
  expect(pathsIn(page).length).toBeGreaterThan(40);
  expect(missingOf('| x | `src/modules/privacy/gone.ts` |')).toEqual(['src/modules/privacy/gone.ts']);
});

test('every row says by what it is met, or that it is the operator’s', () => {
  const page = readFileSync(join(root, 'docs/privacy-controls.md'), 'utf8');
  const rows = page.split('\n').filter((line) => /^\| (\d|164)/.test(line));
  expect(rows.length).toBeGreaterThan(35);
  for (const row of rows) expect(row).toMatch(/`(src|test|migrations|deploy|docs)\/|\*\*operator\*\*|as 5\(1\)/);
});
