import { createHash } from 'node:crypto';

/** A text and the values in it that a model must not see. */
export interface PersonalText {
  text: string;
  values: string[];
}

/** Numbers that look random and are the same each time: below `limit`, from a seed and a name. */
function number(seed: number, name: string, limit: number): number {
  return createHash('sha256').update(`${seed}|${name}`).digest().readUIntBE(0, 6) % limit;
}

function digits(seed: number, name: string, count: number): string {
  return Array.from({ length: count }, (_, at) => number(seed, `${name}${at}`, 10)).join('');
}

/** A number of a card with its check digit. */
function card(seed: number): string {
  const body = `4${digits(seed, 'card', 14)}`;
  const sum = Array.from(body).reduce((total, digit, at) => {
    const doubled = Number(digit) * (at % 2 === 0 ? 2 : 1);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return `${body}${(10 - (sum % 10)) % 10}`.replaceAll(/\d{4}(?=\d)/g, '$& ');
}

/** A German account with its check digits (ISO 7064, modulus 97). */
function iban(seed: number): string {
  const account = `37040044${digits(seed, 'iban', 10)}`;
  const check = 98n - (BigInt(`${account}131400`) % 97n);
  return `DE${String(check).padStart(2, '0')}${account}`.replaceAll(/.{4}(?=.)/g, '$& ');
}

const makers: ((seed: number) => [string, string])[] = [
  (seed) => [
    `p${digits(seed, 'mail', 9)}@mail${number(seed, 'host', 50)}.example`,
    'My address is VALUE, please write there about the harbour.',
  ],
  (seed) => [card(seed), 'The card VALUE was charged twice for the harbour tour.'],
  (seed) => [iban(seed), 'Please refund the harbour tour to VALUE.'],
  (seed) => [
    `(${number(seed, 'area', 700) + 201}) ${number(seed, 'exchange', 700) + 201}-${digits(seed, 'line', 4)}`,
    'Call me at VALUE about the harbour.',
  ],
  (seed) => [
    `${number(seed, 'ssn', 600) + 1 === 666 ? 665 : String(number(seed, 'ssn', 600) + 1).padStart(3, '0')}-${number(seed, 'group', 89) + 10}-${number(seed, 'serial', 8_000) + 1_000}`,
    'My SSN is VALUE; is the harbour open?',
  ],
  (seed) => [`sk_live_${createHash('sha256').update(String(seed)).digest('hex').slice(0, 24)}`, 'The harbour door opens with VALUE.'],
];

/** A text by its number. */
export function personalText(seed: number): PersonalText {
  const maker = makers[seed % makers.length] as (typeof makers)[number];
  const [value, text] = maker(seed);
  return { text: text.replace('VALUE', value), values: [value] };
}
