import { randomInt } from 'node:crypto';

/** Letters and digits that are told apart by eye. */
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';
const length = 20;
/** How every mark begins: rare in any language, so that watching for it holds little text back. */
const beginning = 'zq';

/** A mark that nobody can guess: 18 random characters of 31, 89 bits. `pick` gives a number below its argument. */
export function newBoundary(pick: (below: number) => number = randomInt): string {
  let mark = beginning;
  while (mark.length < length) mark += alphabet[pick(alphabet.length)] ?? '';
  return mark;
}
