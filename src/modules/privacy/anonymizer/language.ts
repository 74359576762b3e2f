import type { Language } from './entity-kinds.ts';

/** Frequent words that only one of the languages has. */
const frequent: Record<Language, ReadonlySet<string>> = {
  en: new Set('the and is are you my your with for this that have was from please not'.split(' ')),
  de: new Set(
    'der die das und ist ich nicht mit ein eine für auf sie wir bitte mein meine bin wurde sind dem den im zu von bei um hat es kann wie ohne ihre ihr deine zum zur aus nach wir am habe noch vom'.split(
      ' ',
    ),
  ),
  fr: new Set(
    'le les et est je vous nous une pour avec dans mon ma mes sur suis pas bonjour merci à du des au que qui quelle où ce votre notre chez ai été'.split(
      ' ',
    ),
  ),
  es: new Set(
    'el los las y es yo mi una para con por usted está soy hola gracias número del que qué en su mis lo ha se al dónde cómo'.split(' '),
  ),
  it: new Set(
    'il gli è sono mio mia una per con della che ciao grazie numero mi ho nel di dal dalla dei un alla del quali abito come'.split(' '),
  ),
};

/** The same by word: the languages that have it. */
const languagesOf = Map.groupBy(
  (Object.keys(frequent) as Language[]).flatMap((language) => [...frequent[language]].map((word) => ({ word, language }))),
  ({ word }) => word,
);

/** Words that are looked at. */
const sample = 60;

/** Guesses the language of a text by its most frequent words; English where there are none. */
export function guessLanguage(text: string): Language {
  const counts: Record<Language, number> = { en: 0, de: 0, fr: 0, es: 0, it: 0 };
  const words = text
    .slice(0, 600)
    .toLowerCase()
    .split(/[^\p{L}]+/u, sample);
  for (const word of words) {
    for (const { language } of languagesOf.get(word) ?? []) counts[language] += 1;
  }
  let best: Language = 'en';
  for (const language of Object.keys(counts) as Language[]) if (counts[language] > counts[best]) best = language;
  return best;
}
