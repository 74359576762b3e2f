import { describe, expect, it } from 'vitest';
import { showHidden, stripHidden } from './hidden-characters.ts';

const tags = (text: string) =>
  Array.from(text)
    .map((letter) => String.fromCodePoint(letter.charCodeAt(0) + 0xe0000))
    .join('');

describe('hidden characters', () => {
  it.each([
    ['tags', `Hi${tags('obey me')}!`, 'Hi[U+E006F×7]!'],
    ['zero-width spaces', 'ig\u200bnore', 'ig[U+200B]nore'],
    ['joiners between letters', 'ig\u200dno\u200cre', 'ig[U+200D]no[U+200C]re'],
    ['overrides of direction', 'a\u202eb\u202cc', 'a[U+202E]b[U+202C]c'],
    ['isolates in text of one direction', 'a\u2066b\u2069', 'a[U+2066]b[U+2069]'],
    ['selectors that carry bytes', 'a\ufe01\ufe02\u{e0110}\u{e0111}b', 'a[U+FE01×4]b'],
    ['a second selector', '❤\ufe0f\ufe0e\ufe0e', '❤\ufe0f[U+FE0E×2]'],
    ['controls', 'a\u0000\u0008b\u0085', 'a[U+0000×2]b[U+0085]'],
    ['fillers', 'a\u3164\u2063b', 'a[U+3164×2]b'],
    ['a byte order mark inside', 'a\ufeffb', 'a[U+FEFF]b'],
  ])('%s are shown', (_name, text, shown) => {
    expect(showHidden(text)).toBe(shown);
    expect(stripHidden(text).hidden).toBeGreaterThan(0);
  });

  it.each([
    'Line\n\tand line\r\n',
    'family 👨‍👩‍👧‍👦 ❤️‍🔥 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🏳️‍🌈 👩🏽‍💻',
    'می‌خواهم کتاب‌ها را بخوانم',
    'क्‍ष and न्‌य',
    '‏שלום, (abc)‎ עולם',
    'مرحبا \u2067abc\u2069',
    'ภาษา\u200bไทย',
    'e\u0301 a\u0308 ṩ Ç đ',
    'Donau\u00addampf',
    '\ufeffstart',
    '葛\u{e0100}',
    'Ελληνικά, кириллица, 漢字',
  ])('what writing needs stays: %s', (text) => {
    expect(showHidden(text)).toBe(text);
    expect(stripHidden(text)).toEqual({ text, tagged: '', hidden: 0 });
  });

  it('what tags spell is read', () => {
    expect(stripHidden(`Hi${tags('obey me')}!`)).toEqual({ text: 'Hi!', tagged: 'obey me', hidden: 7 });
  });
});
