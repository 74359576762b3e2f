import type { EntityKind } from '../../../src/modules/privacy/anonymizer/entity-kinds.ts';
import type { Chance } from './chance.ts';
import { everydayFirstNames, rareFirstNames, rareLastNames, smallTowns } from './held-out-names.ts';
import { cardNumber, ibanNumber } from './numbers.ts';
import * as values from './slot-values.ts';

/** What a slot of a template is filled with; without a kind it is nothing personal. */
export interface Slot {
  kind?: EntityKind;
  fill: (chance: Chance) => string;
}

const first = (chance: Chance) => chance.of(chance.below(2) === 0 ? everydayFirstNames : rareFirstNames);
const last = (chance: Chance) => chance.of(rareLastNames);
const person = (chance: Chance) =>
  `${first(chance)} ${chance.below(12) === 0 ? `${chance.sign('ABCDEFGHJKLMPRSTW')}. ` : ''}${last(chance)}`;
const town = (chance: Chance) => chance.of(smallTowns);
const lower = (text: string) => text.toLowerCase();
const day = (chance: Chance) => 1 + chance.below(28);
const year = (chance: Chance) => 2005 + chance.below(20);
const padded = (number: number) => String(number).padStart(2, '0');
const time = (chance: Chance) => `${chance.below(24)}:${padded(chance.below(60))}`;
const iso = (chance: Chance) => `${year(chance)}-${padded(1 + chance.below(12))}-${padded(day(chance))}`;
const slashed = (chance: Chance, born = false) =>
  `${padded(1 + chance.below(12))}/${padded(day(chance))}/${born ? 1940 + chance.below(60) : year(chance)}`;

const englishDate = (chance: Chance) => {
  const [month, on] = [chance.of(values.months.en), day(chance)];
  const ending = ['th', 'st', 'nd', 'rd'][on % 10 < 4 && (on < 11 || on > 13) ? on % 10 : 0] ?? 'th';
  return chance.of([
    `${month} ${on}, ${year(chance)}`,
    `${on} ${month} ${year(chance)}`,
    `${month} ${on}${ending}`,
    `the ${on}${ending} of ${month}`,
    `${month.slice(0, 3)} ${on}, ${year(chance)}`,
    slashed(chance),
    iso(chance),
    `${on}-${month.slice(0, 3)}-${year(chance)}`,
  ]);
};
const dateIn = (language: 'de' | 'fr' | 'es' | 'it', born = false) => {
  const months = values.months[language];
  return (chance: Chance) => {
    const when = born ? 1940 + chance.below(60) : year(chance);
    const [on, month] = [day(chance), chance.of(months)];
    if (language === 'de') return chance.of([`${on}. ${month} ${when}`, `${padded(on)}.${padded(1 + chance.below(12))}.${when}`]);
    if (language === 'es') return chance.of([`${on} de ${month} de ${when}`, `${padded(on)}/${padded(1 + chance.below(12))}/${when}`]);
    return chance.of([`${on} ${month} ${when}`, `${padded(on)}/${padded(1 + chance.below(12))}/${when}`]);
  };
};

const street = (chance: Chance) =>
  `${1 + chance.below(chance.of([99, 999, 9_999]))} ${chance.of(values.streetNames)} ${chance.of(values.streetEndings)}`;
const ukPostcode = (chance: Chance) =>
  chance.of(['BN#', 'EH##', 'LS#', 'SW#A', 'N#', 'CF##']).replaceAll('#', () => String(1 + chance.below(9))) +
  ` ${1 + chance.below(9)}${chance.of(['HQ', 'LR', 'AB', 'XG', 'TW'])}`;
const usEnd = (chance: Chance) => `${chance.of(values.states)} ${chance.like('N####')}`;
const address = (chance: Chance, lineBreak = ', ') => {
  const flat =
    chance.below(4) === 0
      ? `${lineBreak === '\n' ? ' ' : ', '}${chance.of(['Apt', 'Suite', 'Unit', 'Apt.', '#'])} ${1 + chance.below(99)}`
      : '';
  if (chance.below(4) === 0) {
    const before = chance.below(3) === 0 ? `Flat ${1 + chance.below(20)}, ` : '';
    return `${before}${1 + chance.below(200)} ${chance.of(values.streetNames)} ${chance.of(['Road', 'Street', 'Lane', 'Close', 'Gardens', 'Terrace'])}${lineBreak}${town(chance)}${chance.of([' ', lineBreak])}${ukPostcode(chance)}`;
  }
  return `${street(chance)}${flat}${lineBreak}${town(chance)}, ${usEnd(chance)}`;
};
const foreignAddress = (streets: readonly string[], form: (street: string, chance: Chance) => string) => (chance: Chance) =>
  form(chance.of(streets), chance);
const company = (language: keyof typeof values.companyEndings) => (chance: Chance) =>
  `${chance.of(values.companyWords)} ${chance.of(values.companyEndings[language])}`;
const number = (form: readonly string[]) => (chance: Chance) => chance.like(chance.of(form));

/** The slots of the templates by name. */
export const slots: Readonly<Record<string, Slot>> = {
  person: { kind: 'PERSON', fill: person },
  lower_person: { kind: 'PERSON', fill: (chance) => lower(`${chance.of(everydayFirstNames)} ${last(chance)}`) },
  upper_person: { kind: 'PERSON', fill: (chance) => person(chance).toUpperCase() },
  initial_person: { kind: 'PERSON', fill: (chance) => `${chance.sign('ABCDEFGHJKLMPRSTW')}. ${last(chance)}` },
  reversed: { kind: 'PERSON', fill: (chance) => `${last(chance)}, ${first(chance)}` },
  first: { kind: 'PERSON', fill: first },
  lower_first: { kind: 'PERSON', fill: (chance) => lower(chance.of(everydayFirstNames)) },
  last: { kind: 'PERSON', fill: last },
  email: {
    kind: 'EMAIL_ADDRESS',
    fill: (chance) =>
      lower(
        plain(
          `${first(chance)}${chance.of(['.', '_', '', '-'])}${last(chance)}${chance.of(['', '', chance.digits(2)])}@${chance.of(values.mailDomains)}`,
        ),
      ),
  },
  phone: { kind: 'PHONE_NUMBER', fill: number(values.phones.en) },
  phone_ext: {
    kind: 'PHONE_NUMBER',
    fill: (chance) =>
      `${chance.like(chance.of(values.phones.us))}${chance.of([' ext. ', ' x', 'x', ' ext ', ' extension '])}${chance.like('N##')}`,
  },
  card: { kind: 'CREDIT_CARD', fill: (chance) => cardNumber(chance, true) },
  bad_card: { kind: 'CREDIT_CARD', fill: (chance) => cardNumber(chance, false) },
  iban: { kind: 'IBAN_CODE', fill: (chance) => ibanNumber(chance, true) },
  bad_iban: { kind: 'IBAN_CODE', fill: (chance) => ibanNumber(chance, false) },
  ssn: { kind: 'US_SSN', fill: number(['N##-##-####', 'N## ## ####', '0##-##-####', '9##-##-####', 'N##-00-####']) },
  ssn_plain: { kind: 'US_SSN', fill: number(['N##N#####']) },
  town: { kind: 'LOCATION', fill: town },
  lower_town: { kind: 'LOCATION', fill: (chance) => lower(town(chance)) },
  country: { kind: 'LOCATION', fill: (chance) => chance.of(values.countries) },
  state: { kind: 'LOCATION', fill: (chance) => chance.of(['Oregon', 'Montana', 'Kent', 'Ontario', 'Queensland', 'Cornwall']) },
  address: { kind: 'STREET_ADDRESS', fill: (chance) => address(chance) },
  address_lines: { kind: 'STREET_ADDRESS', fill: (chance) => address(chance, '\n') },
  street: { kind: 'STREET_ADDRESS', fill: street },
  po_box: {
    kind: 'STREET_ADDRESS',
    fill: (chance) =>
      `${chance.of(['PO Box', 'P.O. Box', 'P.O. box', 'Post Office Box'])} ${chance.like('N###')}, ${town(chance)}, ${usEnd(chance)}`,
  },
  zip: { fill: number(['N####']) },
  org: { kind: 'ORGANIZATION', fill: company('en') },
  org_plain: { kind: 'ORGANIZATION', fill: (chance) => chance.of(values.companyWords) },
  date: { kind: 'DATE_TIME', fill: englishDate },
  date_short: { kind: 'DATE_TIME', fill: (chance) => `${chance.of(values.months.en)} ${day(chance)}` },
  month_year: { kind: 'DATE_TIME', fill: (chance) => `${chance.of(values.months.en)} ${year(chance)}` },
  year: { kind: 'DATE_TIME', fill: (chance) => String(year(chance)) },
  time: { kind: 'DATE_TIME', fill: time },
  iso: {
    kind: 'DATE_TIME',
    fill: (chance) => `${iso(chance)}T${padded(chance.below(24))}:${padded(chance.below(60))}:${padded(chance.below(60))}Z`,
  },
  dob: { kind: 'DATE_TIME', fill: (chance) => slashed(chance, true) },
  url: {
    kind: 'URL',
    fill: (chance) =>
      `${chance.of(['https://', 'http://', 'www.', ''])}${lower(plain(last(chance))).replaceAll(/[^a-z]/g, '')}.${chance.of(['com', 'org', 'io', 'co.uk', 'de', 'net'])}${chance.of(['', '/login', '/a/b?c=1'])}`,
  },
  ip: {
    kind: 'IP_ADDRESS',
    fill: (chance) =>
      chance.of([
        `10.${chance.below(256)}.${chance.below(256)}.${chance.below(256)}`,
        `${11 + chance.below(180)}.${chance.below(256)}.${chance.below(256)}.${chance.below(256)}`,
        '2001:db8::8a2e:370:7334',
      ]),
  },
  nrp: { kind: 'NRP', fill: (chance) => chance.of(['Norwegian', 'Kenyan', 'Peruvian', 'Muslim', 'Vietnamese', 'Scottish']) },
  de_address: {
    kind: 'STREET_ADDRESS',
    fill: foreignAddress(values.streets.de, (name, chance) => `${name} ${1 + chance.below(200)}, ${chance.like('N####')} ${town(chance)}`),
  },
  fr_address: {
    kind: 'STREET_ADDRESS',
    fill: foreignAddress(
      values.streets.fr,
      (name, chance) => `${1 + chance.below(200)}${chance.of([',', ''])} ${name}, ${chance.like('N####')} ${town(chance)}`,
    ),
  },
  es_address: {
    kind: 'STREET_ADDRESS',
    fill: foreignAddress(
      values.streets.es,
      (name, chance) => `${name}${chance.of([',', ''])} ${1 + chance.below(200)}, ${chance.like('2####')} ${town(chance)}`,
    ),
  },
  it_address: {
    kind: 'STREET_ADDRESS',
    fill: foreignAddress(
      values.streets.it,
      (name, chance) => `${name}${chance.of([',', ''])} ${1 + chance.below(200)}, ${chance.like('3####')} ${town(chance)}`,
    ),
  },
  de_phone: { kind: 'PHONE_NUMBER', fill: number(values.phones.de) },
  fr_phone: { kind: 'PHONE_NUMBER', fill: number(values.phones.fr) },
  es_phone: { kind: 'PHONE_NUMBER', fill: number(values.phones.es) },
  it_phone: { kind: 'PHONE_NUMBER', fill: number(values.phones.it) },
  de_date: { kind: 'DATE_TIME', fill: dateIn('de') },
  de_dob: { kind: 'DATE_TIME', fill: dateIn('de', true) },
  fr_date: { kind: 'DATE_TIME', fill: dateIn('fr') },
  fr_dob: { kind: 'DATE_TIME', fill: dateIn('fr', true) },
  es_date: { kind: 'DATE_TIME', fill: dateIn('es') },
  it_date: { kind: 'DATE_TIME', fill: dateIn('it') },
  de_org: { kind: 'ORGANIZATION', fill: company('de') },
  fr_org: { kind: 'ORGANIZATION', fill: company('fr') },
  es_org: { kind: 'ORGANIZATION', fill: company('es') },
  it_org: { kind: 'ORGANIZATION', fill: company('it') },
  order: { fill: number(['N#######', '#########', '4711-####', '##-####']) },
  reference: { fill: number(['INV-20##-#####', 'RF-####-##', '###-####-###-##', 'ABC######', '########/##']) },
  tracking: { fill: number(['1Z999AA1##########', 'JD01##############', '####################', 'RR#########DE']) },
  serial: { fill: number(['SN########', '##############', '####-AB##-####', 'C02X####JGH#']) },
  isbn: { fill: number(['978-3-16-######-#', '0-###-#####-#', '978##########']) },
  version: { fill: number(['N.#.#', '#.##.#-rc.N', '10.0.#####', 'v#.#']) },
  money: { fill: number(['$#N.##', 'N,###.## EUR', '€N##', 'N.###,## €', 'USD N##,###']) },
  n: { fill: number(['N', 'N#', 'N##']) },
  expiry: { fill: (chance) => `${padded(1 + chance.below(12))}/${26 + chance.below(6)}` },
  hash: { fill: (chance) => Array.from({ length: 7 }, () => chance.sign('0123456789abcdef')).join('') },
  uuid: { fill: (chance) => '########-####-4###-a###-############'.replaceAll('#', () => chance.sign('0123456789abcdef')) },
};

/** Without accents and the like, as addresses of mail are. */
function plain(text: string): string {
  return text.normalize('NFD').replaceAll(/[^A-Za-z0-9@._-]/g, '');
}
