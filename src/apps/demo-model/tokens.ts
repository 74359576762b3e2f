// A token is a word (or twelve characters of a long one) or a single other character, with the white space before it.
const token = /\s*[\p{L}\p{M}\p{N}_'’]{1,12}|\s*[^\s]|\s+/gu;

/** Splits text into this server's own tokens; joined they give the text back. Deliberately unlike OpenAI's, so that nobody can rely on a count. */
export function tokenize(text: string): string[] {
  return text.match(token) ?? [];
}

/** How many tokens `tokenize` would give. */
export function countTokens(text: string): number {
  let count = 0;
  token.lastIndex = 0;
  while (token.exec(text) !== null) count++;
  return count;
}

/** The tokens of one answer. They are made on demand, so that a long answer costs no memory until it is served. */
export interface Pieces {
  readonly count: number;
  at(index: number): string;
  /** The text of the first `length` tokens. */
  text(length: number): string;
}

/** The tokens of a given text. */
export function piecesOf(text: string): Pieces {
  const tokens = tokenize(text);
  return { count: tokens.length, at: (index) => tokens[index] ?? '', text: (length) => tokens.slice(0, length).join('') };
}

/** `count` numbered tokens, "t0 t1 t2 …": every gap and duplicate shows. */
export function numberedPieces(count: number): Pieces {
  const at = (index: number) => (index === 0 ? 't0' : ` t${index}`);
  return { count, at, text: (length) => Array.from({ length: Math.min(length, count) }, (_, index) => at(index)).join('') };
}

/** The same tokens, at most `limit` of them. */
export function limitPieces(pieces: Pieces, limit: number): Pieces {
  if (pieces.count <= limit) return pieces;
  return { count: limit, at: (index) => pieces.at(index), text: (length) => pieces.text(Math.min(length, limit)) };
}
