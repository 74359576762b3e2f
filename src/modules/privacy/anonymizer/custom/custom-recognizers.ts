import type { AnalyzeOptions } from '../analyzer.ts';
import type { CustomData } from './custom-data.schemas.ts';
import { dictionaryRecognizer } from './dictionary.recognizer.ts';
import { patternRecognizer } from './pattern.recognizer.ts';

/** Compiled data lives as long as the settings that it came from. */
const compiled = new WeakMap<CustomData, Required<Pick<AnalyzeOptions, 'custom' | 'allow'>>>();

/**
 * Recognizers and allow-list of a tenant, as the analyzer takes them. The same object of settings is compiled once (a dictionary of 5,000
 * terms takes some 30 ms), so hand in the one that is remembered. Throws BadPattern when the settings were not validated.
 */
export function customRecognizers(data: CustomData): Required<Pick<AnalyzeOptions, 'custom' | 'allow'>> {
  const known = compiled.get(data);
  if (known !== undefined) return known;
  const made = {
    custom: [...data.patterns.map(patternRecognizer), ...data.dictionaries.map(dictionaryRecognizer)],
    allow: new Set(data.allow.map((text) => text.toLowerCase())),
  };
  compiled.set(data, made);
  return made;
}
