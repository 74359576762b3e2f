/** What in a text nobody sees, or sees as something else. */
interface HiddenRun {
  start: number;
  end: number;
  /** Code points of it. */
  count: number;
  first: number;
}

// Everything that this file looks at; a text without it is left alone at the cost of one search.
const suspect = /[\p{Default_Ignorable_Code_Point}\u{fff9}-\u{fffb}[\p{Cc}--[\t\n\r]]]/v;

const rtl = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
/** Scripts whose words need joiners and non-joiners between letters, and those that break lines with zero-width spaces. */
const joining =
  /\p{Script=Arabic}|\p{Script=Syriac}|\p{Script=Mongolian}|[\u0900-\u0dff]|\p{Script=Khmer}|\p{Script=Myanmar}|\p{Script=Tibetan}/u;
const spaceless = /\p{Script=Thai}|\p{Script=Lao}|\p{Script=Khmer}|\p{Script=Myanmar}|\p{Script=Tibetan}/u;
const pictograph = /\p{Extended_Pictographic}|\p{Emoji_Modifier}|[\ufe0f\u20e3]/u;
const selectable = /\p{Extended_Pictographic}|\p{S}|\p{Script=Han}|\p{Script=Mongolian}|\p{Script=Myanmar}|[#*0-9]|\p{P}/u;
/** Flags that are written with tags: England, Scotland, Wales (Unicode TR 51). */
const tagFlags = /^(?:gbeng|gbsct|gbwls)$/;

/**
 * A text as its reader should have seen it: runs of characters that are invisible, or that turn the order of what is seen, stand
 * as `[U+200B×3]`, code point of the first and how many. What writing needs stays: joiners in emoji and in scripts that join, directional marks beside
 * right-to-left letters, variation selectors after what they select, flags. Gives the same string when there is nothing.
 */
export function showHidden(text: string): string {
  if (!suspect.test(text)) return text;
  let shown = '';
  let at = 0;
  for (const run of hiddenRuns(text)) {
    shown += text.slice(at, run.start) + escapeOf(run);
    at = run.end;
  }
  return shown + text.slice(at);
}

/** The same without the hidden runs, what tags spell (U+E0020 to U+E007E mirror ASCII), and how many characters were hidden. */
export function stripHidden(text: string): { text: string; tagged: string; hidden: number } {
  if (!suspect.test(text)) return { text, tagged: '', hidden: 0 };
  let kept = '';
  let tagged = '';
  let hidden = 0;
  let at = 0;
  for (const run of hiddenRuns(text)) {
    kept += text.slice(at, run.start);
    tagged += spelled(text.slice(run.start, run.end));
    hidden += run.count;
    at = run.end;
  }
  return { text: kept + text.slice(at), tagged, hidden };
}

function hiddenRuns(text: string): HiddenRun[] {
  const points = Array.from(text);
  const turned = rtl.test(text);
  const runs: HiddenRun[] = [];
  let at = 0;
  for (let index = 0; index < points.length; index += 1) {
    const character = points[index] as string;
    const flag = tagFlagAt(points, index);
    if (flag > 0) {
      for (let next = 0; next <= flag; next += 1) at += (points[index + next] as string).length;
      index += flag;
      continue;
    }
    const end = at + character.length;
    if (suspect.test(character) && !belongs(points, index, turned)) {
      const last = runs.at(-1);
      if (last?.end === at) {
        last.end = end;
        last.count += 1;
      } else runs.push({ start: at, end, count: 1, first: character.codePointAt(0) as number });
    }
    at = end;
  }
  return runs;
}

/** Length of the tags after a black flag that make it the flag of a country, or 0. */
function tagFlagAt(points: string[], index: number): number {
  if (points[index] !== '\u{1f3f4}' || points[index + 6] !== '\u{e007f}') return 0;
  return tagFlags.test(spelled(points.slice(index + 1, index + 6).join(''))) ? 6 : 0;
}

function belongs(points: string[], index: number, turned: boolean): boolean {
  const code = (points[index] as string).codePointAt(0) as number;
  const before = points[index - 1] ?? '';
  const after = points[index + 1] ?? '';
  if (code === 0xad || code === 0x34f) return /\p{L}/u.test(before);
  if (code === 0xfeff) return index === 0;
  if (code === 0x200d || code === 0x200c) {
    if (joining.test(before) && (joining.test(after) || !/\p{L}/u.test(after))) return true;
    return code === 0x200d && pictograph.test(before) && pictograph.test(after);
  }
  if (code === 0x200b || code === 0x2060) return spaceless.test(before) || spaceless.test(after);
  if (code === 0x200e || code === 0x200f || code === 0x61c) return turned;
  // Embeddings and isolates, and what ends them; overrides turn even letters around and have no place in a message.
  if (code >= 0x2066 && code <= 0x2069) return turned;
  if (code >= 0x202a && code <= 0x202c) return turned;
  if (code >= 0xfe00 && code <= 0xfe0f) return selectable.test(before) && !suspect.test(before);
  if (code >= 0xe0100 && code <= 0xe01ef) return /\p{Script=Han}/u.test(before);
  if (code >= 0x180b && code <= 0x180f) return /\p{Script=Mongolian}/u.test(before);
  return code === 0x17b4 || code === 0x17b5;
}

/** What tag characters spell. */
function spelled(text: string): string {
  let ascii = '';
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    if (code >= 0xe0020 && code <= 0xe007e) ascii += String.fromCharCode(code - 0xe0000);
  }
  return ascii;
}

function escapeOf({ first, count }: HiddenRun): string {
  const name = `U+${first.toString(16).toUpperCase().padStart(4, '0')}`;
  return count === 1 ? `[${name}]` : `[${name}×${count}]`;
}
