/** UTF-16 offset of each code point of a text, and of its end: `offsets[n]` is where the n-th code point begins. */
export type CodePointOffsets = (codePoint: number) => number | undefined;

/**
 * How to get from an offset in code points, as Python counts, to one in UTF-16 code units, as JavaScript does. Gives undefined for an
 * offset that is not within the text. A surrogate without its other half counts as one of both.
 */
export function codePointOffsets(text: string): CodePointOffsets {
  if (!/[\ud800-\udfff]/.test(text)) return (at) => (Number.isInteger(at) && at >= 0 && at <= text.length ? at : undefined);
  const offsets: number[] = [];
  for (let at = 0; at < text.length; at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1) offsets.push(at);
  offsets.push(text.length);
  return (at) => offsets[at];
}
