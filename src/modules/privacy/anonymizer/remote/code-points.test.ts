import { describe, expect, it } from 'vitest';
import { codePointOffsets } from './code-points.ts';

describe('codePointOffsets', () => {
  it.each(['', 'plain', 'Grüße', '😀a😀', 'a\ud83d b', '\ude00\ud83d\ude00', 'e\u0301 日本 👩‍👩‍👧'])('counts %j as code points do', (text) => {
    const offsetOf = codePointOffsets(text);
    const points = Array.from(text);
    points.forEach((_, at) => expect(offsetOf(at)).toBe(points.slice(0, at).join('').length));
    expect(offsetOf(points.length)).toBe(text.length);
    for (const outside of [-1, points.length + 1, 0.5]) expect(offsetOf(outside)).toBeUndefined();
  });
});
