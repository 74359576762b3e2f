import type { Span } from '../../../src/modules/privacy/anonymizer/recognizer.ts';
import type { MarkedText } from './marked-text.ts';

/** What was missed of a kind (`-`) and wrongly taken for it (`+`), each with the text around it. */
export function misses(texts: readonly MarkedText[], find: (text: string) => readonly Span[], kind: string): string[] {
  return texts.flatMap(({ text, wanted }) => {
    const found = find(text);
    const around = (start: number, end: number) =>
      `${text.slice(Math.max(0, start - 40), start)}[${text.slice(start, end)}]${text.slice(end, end + 40)}`.replaceAll('\n', '⏎');
    const touched = (a: { start: number; end: number; kind: string }, all: readonly { start: number; end: number; kind: string }[]) =>
      all.some((b) => b.kind === a.kind && a.start < b.end && b.start < a.end);
    return [
      ...wanted
        .filter((piece) => piece.kind === kind && !piece.optional && !touched(piece, found))
        .map(({ start, end }) => {
          const other = found
            .filter((span) => span.start < end && start < span.end)
            .map((span) => `${span.kind} ${text.slice(span.start, span.end)}`);
          return `- ${around(start, end)}${other.length === 0 ? '' : `   (${other.join('; ')})`}`;
        }),
      ...found
        .filter((span) => span.kind === kind && !touched(span, wanted))
        .map(({ start, end, confidence }) => `+ ${around(start, end)}   ${confidence}`),
    ];
  });
}
