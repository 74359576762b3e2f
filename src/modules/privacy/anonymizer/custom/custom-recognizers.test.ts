import { describe, expect, it } from 'vitest';
import { Analyzer } from '../analyzer.ts';
import { patternRecognizers } from '../recognizers.ts';
import { CustomData } from './custom-data.schemas.ts';
import { customRecognizers } from './custom-recognizers.ts';

/** Without names: what a tenant adds is the question. */
const analyzer = new Analyzer(patternRecognizers);

function found(data: unknown, text: string): string[] {
  return analyzer
    .analyze(text, customRecognizers(CustomData.parse(data)))
    .map(({ start, end, kind, recognizer }) => `${recognizer} ${kind} ${text.slice(start, end)}`);
}

describe('patterns of a tenant', () => {
  const employee = { name: 'employee', pattern: String.raw`\bE-\d{5}\b` };

  it('are found beside what is built in', () => {
    expect(found({ patterns: [employee] }, 'e-12345 writes to ann@example.com')).toEqual([
      'custom:employee CUSTOM e-12345',
      'email EMAIL_ADDRESS ann@example.com',
    ]);
  });

  it('have the kind and the case that they say', () => {
    const data = { patterns: [{ ...employee, kind: 'MEDICAL_RECORD_NUMBER', case_sensitive: true }] };
    expect(found(data, 'e-12345 E-54321')).toEqual(['custom:employee MEDICAL_RECORD_NUMBER E-54321']);
  });

  it('may need a word of context', () => {
    const data = { patterns: [{ name: 'badge', pattern: String.raw`\bK\d{6}\b`, confidence: 0.2, context: ['badge', 'Ausweis'] }] };
    expect(found(data, 'Ausweis: K123456')).toEqual(['custom:badge CUSTOM K123456']);
    expect(found(data, 'lot K123456')).toEqual([]);
  });
});

describe('dictionaries of a tenant', () => {
  const terms = ['Project Orion', 'Orion', 'Müller & Söhne', 'Straße 7', 'C++', '東京案件', 'café'];
  const data = { dictionaries: [{ name: 'words', terms }] };

  it.each([
    ['project orion starts', ['project orion']],
    ['PROJECT\nORION', ['PROJECT\nORION']],
    ['MÜLLER & SÖHNE', ['MÜLLER & SÖHNE']],
    ['STRASSE 7', ['STRASSE 7']],
    ['we use C++.', ['C++']],
    ['新しい東京案件です', ['東京案件']],
    ['😀 orion 😀', ['orion']],
    ['Orionid, xorion, Orion2', []],
    ['cafés', []],
    ['cafe\u0301 is another form', []],
  ])('%s', (text, expected) => {
    expect(found(data, text)).toEqual(expected.map((term) => `custom:words CUSTOM ${term}`));
  });

  it('mind the case where they say so', () => {
    const exact = { dictionaries: [{ name: 'words', terms: ['Apple'], case_sensitive: true }] };
    expect(found(exact, 'Apple, apple, Apples')).toEqual(['custom:words CUSTOM Apple']);
  });
});

describe('the allow-list of a tenant', () => {
  it('leaves whole findings alone, whatever found them', () => {
    const data = { patterns: [{ name: 'k', pattern: String.raw`K\d` }], allow: ['Info@Example.com', 'k1'] };
    expect(found(data, 'K1 K2 info@example.com ann@example.com')).toEqual(['custom:k CUSTOM K2', 'email EMAIL_ADDRESS ann@example.com']);
  });
});

describe('validation', () => {
  const problems = (data: unknown) =>
    CustomData.safeParse(data).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
  const pattern = (source: string) => problems({ patterns: [{ name: 'p', pattern: source }] });

  it.each([
    ['(a', /^patterns\.0\.pattern: The pattern is no valid RE2 expression: missing closing \)/],
    ['a(?=b)', /Look-ahead, look-behind and back-references are not supported/],
    ['(?<!a)b', /Look-ahead, look-behind and back-references are not supported/],
    [String.raw`(a)\1`, /Look-ahead, look-behind and back-references are not supported/],
    ['a*', /must not match the empty text/],
    ['((a{1,30}){1,30}){1,30}', /invalid repeat count/],
    [String.raw`\p{L}{900}`, /too large/],
    ['x'.repeat(501), /500/],
  ])('refuses %s', (source, message) => {
    expect(pattern(source)).toEqual([expect.stringMatching(message)]);
  });

  it('refuses what is too much together, and names that are used twice', () => {
    const large = Array.from({ length: 5 }, (_, at) => ({ name: `p${at}`, pattern: String.raw`\d{450}` }));
    expect(problems({ patterns: large })).toEqual([expect.stringContaining('too large together')]);
    const twice = { patterns: [{ name: 'a', pattern: 'b' }], dictionaries: [{ name: 'a', terms: ['word'] }] };
    expect(problems(twice)).toEqual([': The name "a" is used twice.']);
    const terms = Array.from({ length: 3_000 }, (_, at) => `term ${at}`);
    expect(
      problems({
        dictionaries: [
          { name: 'a', terms },
          { name: 'b', terms },
        ],
      }),
    ).toEqual([expect.stringContaining('5000 terms')]);
  });

  it('compiles the same settings once', () => {
    const data = CustomData.parse({ dictionaries: [{ name: 'words', terms: ['term'] }] });
    expect(customRecognizers(data)).toBe(customRecognizers(data));
  });
});
