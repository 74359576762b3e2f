import { passesLuhn } from '../../../src/modules/privacy/anonymizer/patterns/luhn.ts';
import type { Chance } from './chance.ts';

/** Card numbers: beginning, length, and the sizes of the groups that they are written in. */
const cards: readonly [string, number, readonly number[]][] = [
  ['4', 16, [4, 4, 4, 4]],
  ['51', 16, [4, 4, 4, 4]],
  ['2223', 16, [4, 4, 4, 4]],
  ['37', 15, [4, 6, 5]],
  ['6011', 16, [4, 4, 4, 4]],
  ['3528', 16, [4, 4, 4, 4]],
  ['36', 14, [4, 6, 4]],
  ['4', 13, [13]],
  ['4', 19, [19]],
];

/** What the rest of an IBAN consists of, after the check digits: `d` a digit, `A` a letter (registry of ISO 13616). */
const ibans: Record<string, string> = {
  DE: 'd'.repeat(18),
  GB: `AAAA${'d'.repeat(14)}`,
  FR: 'd'.repeat(23),
  ES: 'd'.repeat(20),
  IT: `A${'d'.repeat(22)}`,
  NL: `AAAA${'d'.repeat(10)}`,
  AT: 'd'.repeat(16),
  CH: 'd'.repeat(17),
  IE: `AAAA${'d'.repeat(14)}`,
  PL: 'd'.repeat(24),
  SE: 'd'.repeat(20),
  TR: 'd'.repeat(22),
};

/** A payment card's number with a right check digit, or with a wrong one; in one piece or in groups. */
export function cardNumber(chance: Chance, right: boolean): string {
  const [beginning, length, groups] = chance.of(cards);
  const body = beginning + chance.digits(length - 1 - beginning.length);
  const check = Array.from('0123456789').find((digit) => passesLuhn(body + digit)) ?? '0';
  const number = body + (right ? check : String((Number(check) + 1 + chance.below(9)) % 10));
  return grouped(number, groups, chance.of(['', '', ' ', '-']));
}

/** An IBAN with right or wrong check digits, as it is printed or in one piece. */
export function ibanNumber(chance: Chance, right: boolean): string {
  const country = chance.of(Object.keys(ibans));
  const body = (ibans[country] ?? '').replaceAll(/[dA]/g, (sign) => (sign === 'd' ? chance.digits(1) : chance.sign('BCDFGHKLMNPRSTW')));
  const check = 98n - (BigInt(inDigits(`${body}${country}00`)) % 97n);
  const written = String(right ? check : ((check + 5n) % 97n) + 2n).padStart(2, '0');
  const whole = `${country}${written}${body}`;
  return chance.below(2) === 0 ? whole : whole.replaceAll(/(.{4})(?=.)/g, '$1 ');
}

function inDigits(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55));
}

function grouped(number: string, groups: readonly number[], separator: string): string {
  let at = 0;
  return groups.map((size) => number.slice(at, (at += size))).join(separator);
}
