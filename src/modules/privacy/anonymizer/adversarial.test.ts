import { describe, expect, it } from 'vitest';
import { Analyzer } from './analyzer.ts';

const analyzer = new Analyzer();

/** What is repeated over and over: beginnings without ends, labels without values, what nearly is something. */
const units = [
  'the quick brown fox ',
  ...[
    '1',
    '1 ',
    '1-',
    '1.',
    '1/',
    '+1',
    '+(',
    '(1)',
    '0',
    '12 34 56 78 ',
    '1234567890-',
    '12345678901,',
    '123456789 ',
    '4111 1111 1111 1111 ',
  ],
  ...[
    '0171 3920990 ',
    '(555) 123-4567 ',
    '0999 111 2222, ',
    '123-45-6789 ',
    '2024-01-02 ',
    'DE89 3704 0044 0532 0130 00 ',
    'DE89',
    'AB123456C ',
  ],
  ...['@', 'a@', 'a@b.co,', 'a.', 'a.co/', 'http://', 'http://a)', 'http://a.co/( ', 'www.', 'www.a', '(((', '[]{}'],
  ...[':', 'a:', '::1 ', 'aa:bb:cc:dd:ee:ff:', 'aaaa.bbbb.', '1.2.3.4 ', `0x${'a'.repeat(40)} `, 'bc1q', `1${'A'.repeat(29)} `],
  ...[
    'eyJ',
    'eyJaaaaaaaa.',
    '_sk-',
    'sk-',
    'ghp_',
    '-----BEGIN PRIVATE KEY-----',
    'password: ',
    'password is ',
    'secret=a1b2c3 ',
    'bearer ',
  ],
  ...[
    'driver license ',
    `driver license ${'A'.repeat(40)} `,
    `driver license ${'A A'.repeat(13)} `,
    'driver license AAAA AAA 123 ',
    "driver's ",
  ],
  ...['passport number is ', 'passport AAAAAAAAAA1 ', 'mrn ', 'patient id A-A-A-A-A-A-A-A ', 'account 1-', 'bank account 1 2 3 4 5 6 7 8 '],
  ...[
    ' ',
    '\n',
    'a',
    'A',
    'é',
    '_',
    '-',
    '=',
    '😀',
    '\u00a0',
    '\u200d',
    'A a ',
    'Dr. ',
    'Mr. A. ',
    'St. ',
    'Main Street ',
    'von der ',
    "O'",
    'Ltd. ',
  ],
];

/** What random texts are made of: every label and sign that something is found by. */
const pieces = [
  ...[
    'driver license',
    'passport',
    'mrn',
    'bank account',
    'password',
    'iban',
    'ssn',
    'phone',
    'card',
    'order no',
    'is',
    'no',
    '#',
    ':',
    '=',
    "'s",
  ],
  ...[
    '+49',
    '(0)',
    '0171',
    '123',
    '4567',
    '4111',
    '12',
    '1',
    '@',
    '.',
    '-',
    '/',
    '_',
    ',',
    ' ',
    '  ',
    '\n',
    'A',
    'AB',
    'abc',
    'ABCDEFGHIJ',
    '://',
  ],
  ...[
    'http',
    'www',
    'com',
    'eyJ',
    'sk-',
    'DE89',
    '0x',
    'bc1',
    '::',
    'fe80',
    'é',
    '😀',
    'Mr',
    'Miller',
    'Street',
    'January',
    '1990',
    'GmbH',
    'born',
  ],
];

/** Pseudo-random numbers below `below` from a seed (mulberry32), so that a failure can be repeated. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

function randomUnit(seed: number): string {
  const next = numbersFrom(seed);
  return Array.from({ length: 2 + next(7) }, () => pieces[next(pieces.length)] ?? '').join('');
}

/** CPU time of this process for a text of `length` characters, in milliseconds. */
function timeFor(unit: string, length: number): number {
  const text = unit.repeat(Math.ceil(length / unit.length));
  const before = process.cpuUsage();
  analyzer.analyze(text);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Times that say nothing about growth, in milliseconds. */
const tooShort = 250;

/**
 * Twice the text must not take much more than twice the time. What is quadratic takes four times and what is exponential ends the test;
 * three tries, since the machine may be busy with something else during one.
 */
function grows(unit: string): boolean {
  return Array.from({ length: 3 }).every(() => {
    const once = timeFor(unit, 20_000);
    const twice = timeFor(unit, 40_000);
    return twice > tooShort && twice > once * 3;
  });
}

describe('a text that was written to be slow', () => {
  it.each(units)('costs linear time: %j', (unit) => {
    expect(grows(unit)).toBe(false);
  });

  it('costs linear time, whatever it is made of', () => {
    const slow = Array.from({ length: 60 }, (_, seed) => randomUnit(seed)).filter(grows);
    expect(slow).toEqual([]);
  });

  it('may hold more findings than a call has arguments', () => {
    const text = 'a@b.co,'.repeat(200_000);
    expect(analyzer.analyze(text, { kinds: ['EMAIL_ADDRESS'] })).toHaveLength(200_000);
  });
});
