import { expect, test } from 'vitest';
import { generatedCorpus, heldOutCorpus } from '../../../../test/privacy/corpus/corpus.ts';
import { belowFloors } from '../../../../test/privacy/corpus/floors.ts';
import { rareFirstNames, rareLastNames, smallTowns } from '../../../../test/privacy/corpus/held-out-names.ts';
import { readMarked } from '../../../../test/privacy/corpus/marked-text.ts';
import { ratesOf, score } from '../../../../test/privacy/corpus/score.ts';
import { Analyzer } from './analyzer.ts';
import { isCity, isFirstName, isLastName } from './names/word-lists.ts';

const analyzer = new Analyzer();

test('P7: what has to be found in generated and hand-written texts is found, as often as is promised', () => {
  const find = (text: string) => analyzer.analyze(text);
  expect(belowFloors(score(generatedCorpus(2), find))).toEqual([]);
  expect(belowFloors(score(heldOutCorpus(), find))).toEqual([]);
});

test('names that the corpus measures with are in no list', () => {
  const isName = (word: string) => isFirstName(word) || isLastName(word);
  expect([...rareFirstNames, ...rareLastNames].filter((name) => isName(name.toLowerCase()))).toEqual([]);
  expect(smallTowns.filter((town) => isCity(town.toLowerCase()))).toEqual([]);
});

test('a finding counts where half of it is right, and what is hidden under another kind is told apart', () => {
  const texts = [readMarked('«PERSON:Ann Lee» of «PLACE:Rye», «?DATE:soon», not Bob')];
  const spans =
    (...pieces: [string, 'PERSON' | 'DATE_TIME'][]) =>
    (text: string) =>
      pieces.map(([words, kind]) => ({
        kind,
        start: text.indexOf(words),
        end: text.indexOf(words) + words.length,
        confidence: 1,
        recognizer: 'test',
      }));
  const person = score(texts, spans(['Lee', 'PERSON'], ['Ann', 'PERSON'], ['Rye', 'PERSON'], ['Bob', 'PERSON'], ['soon', 'DATE_TIME']));
  expect(person.get('PERSON')).toEqual({ wanted: 1, hit: 1, exact: 0, found: 4, right: 2, hidden: 1 });
  expect(person.get('LOCATION')).toEqual({ wanted: 1, hit: 0, exact: 0, found: 0, right: 0, hidden: 1 });
  expect(person.has('DATE_TIME')).toBe(false);
  expect(ratesOf({ wanted: 10, hit: 8, exact: 5, found: 16, right: 8, hidden: 9 })).toMatchObject({
    precision: 0.5,
    recall: 0.8,
    f2: 2 / 2.8,
  });
});
