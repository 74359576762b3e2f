import type { EntityKind, Language } from './entity-kinds.ts';

/** A piece of personal data in a text. */
export interface Span {
  kind: EntityKind;
  /** First UTF-16 code unit, from 0. */
  start: number;
  /** After the last UTF-16 code unit. */
  end: number;
  /** From 0 to 1: how sure the recognizer is, context words included. */
  confidence: number;
  /** Name of the recognizer. */
  recognizer: string;
}

/** What a recognizer may know of a text besides its letters. */
export interface RecognizerInput {
  text: string;
  /** As the caller said, or as it was guessed. */
  language: Language;
}

/**
 * Finds personal data of some kinds in one text. A recognizer is a pure function of its input, runs in time linear in the text's length
 * whatever the text is, and may report overlapping spans: the analyzer decides between them.
 */
export interface Recognizer {
  /** Unique, as it is shown with what it found: `email`, `us_ssn`. */
  readonly name: string;
  readonly kinds: readonly EntityKind[];
  find(input: RecognizerInput): Span[];
}
