import type { EntityKind } from './entity-kinds.ts';
import type { TextInput } from './text-input.ts';

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

/** What a recognizer has found, before context has been looked at. */
export type Finding = Omit<Span, 'recognizer'>;

/** Words near a finding that make it likelier or unlikelier. Expressions are tried on lower-case text, a short window of it. */
export interface ContextRule {
  /** Raises the confidence. */
  for?: RegExp;
  /** Lowers it. Only what stands before counts. */
  against?: RegExp;
}

/**
 * Finds personal data of some kinds in one text. A recognizer is a pure function of its input, runs in time linear in the text's length
 * whatever the text is, and may report overlapping findings: the analyzer decides between them.
 */
export interface Recognizer {
  /** Unique, as it is shown with what it found: `email`, `us_ssn`. */
  readonly name: string;
  readonly kinds: readonly EntityKind[];
  readonly context?: ContextRule;
  find(input: TextInput): Finding[];
}
