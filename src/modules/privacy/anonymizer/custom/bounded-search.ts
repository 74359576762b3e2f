import type { Place, SearchPattern } from './safe-pattern.ts';

/** Letters that are searched at once, and letters after them that a match which begins among them may reach into. */
const stride = 256;
const reach = 128;

/** Steps of which a search may be sure, and for each letter of the text besides. A step takes some nanoseconds. */
const sureSteps = 2_000_000;
const stepsPerLetter = 250;

/**
 * Every place of a pattern, in order. A match is found when it has up to 128 letters; of a longer one perhaps a part, or nothing.
 *
 * One search of RE2 is linear, but the sum of many is not: `a+b|a` looks to the end of `aaaa…` for each `a` that it finds. So a search sees
 * only a window, and what searches cost at most is added up. Where that is more than the text may cost, the remaining windows are asked
 * only for the first place, and all of such a window from there counts as found: never too little, and linear.
 */
export function findBounded(pattern: SearchPattern, text: string): Place[] {
  if (!pattern.isIn(text)) return [];
  const places: Place[] = [];
  let steps = sureSteps + text.length * stepsPerLetter;
  let from = 0;
  for (let base = 0; base < text.length; base += stride) {
    // One letter before, so that `\b` and `^` see what stands there.
    const first = Math.max(0, base - 1);
    const window = text.slice(first, base + stride + reach);
    const last = Math.min(text.length, base + stride);
    from = Math.max(from, base);
    while (from < last) {
      steps -= (window.length - (from - first)) * pattern.size;
      const found = pattern.findFrom(window, from - first);
      if (found === undefined || first + found.start >= last) break;
      const place = { start: first + found.start, end: steps > 0 ? first + found.end : last };
      from = Math.max(place.end, from + 1);
      if (place.end > place.start) places.push(place);
    }
  }
  return places;
}
