import type { Recognizer } from '../recognizer.ts';
import { address } from './address.ts';
import { date } from './date.ts';
import { location } from './location.ts';
import { nationality } from './nationality.ts';
import { organization } from './organization.ts';
import { person } from './person.ts';

/** What is told by words: names of people, places and companies, and dates. */
export const nameRecognizers: readonly Recognizer[] = [person, location, address, organization, nationality, date];
