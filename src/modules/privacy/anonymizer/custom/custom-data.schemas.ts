import { z } from 'zod';
import { entityKinds } from '../entity-kinds.ts';
import { BadPattern, maxPatternLength, SafePattern } from './safe-pattern.ts';

/** What a tenant may have of its own, at most. They bound what a text costs and what settings weigh. */
export const customLimits = {
  patterns: 32,
  /** Instructions of all patterns together: each letter of a text costs some nanoseconds for each. */
  programSize: 2_000,
  contextWords: 20,
  dictionaries: 10,
  /** Of all dictionaries. */
  terms: 5_000,
  termLength: 100,
  allowed: 1_000,
  allowedLength: 200,
} as const;

const own = {
  /** Shown with what was found, as `custom:<name>`. */
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,39}$/, 'must be 1 to 40 of a-z, 0-9, _ and -, not beginning with a sign'),
  kind: z.enum(entityKinds).default('CUSTOM'),
  confidence: z.number().min(0.05).max(1).default(0.85),
  case_sensitive: z.boolean().default(false),
};

/** A regular expression in RE2's syntax, for what has up to 128 letters; a group named `value` narrows what was found to itself. */
export const CustomPattern = z
  .strictObject({
    ...own,
    pattern: z.string().min(1).max(maxPatternLength, { abort: true }),
    /** Beginnings of words which, near a finding, raise its confidence by 0.4. */
    context: z
      .array(
        z
          .string()
          .trim()
          .min(2)
          .max(40)
          .regex(/^[^,]+$/, 'must be without commas'),
      )
      .max(customLimits.contextWords)
      .default([]),
  })
  .meta({ id: 'CustomPattern' });
/** A validated pattern. */
export type CustomPattern = z.output<typeof CustomPattern>;

/** Terms that are found as whole words. */
export const CustomDictionary = z
  .strictObject({
    ...own,
    terms: z.array(z.string().trim().min(2).max(customLimits.termLength)).min(1).max(customLimits.terms),
  })
  .meta({ id: 'CustomDictionary' });
/** A validated dictionary. */
export type CustomDictionary = z.output<typeof CustomDictionary>;

/** What is personal data for a tenant besides what is built in, and what is none. Patterns are compiled to be checked. */
export const CustomData = z
  .strictObject({
    patterns: z.array(CustomPattern).max(customLimits.patterns).default([]),
    dictionaries: z.array(CustomDictionary).max(customLimits.dictionaries).default([]),
    /** Whole findings that are left alone, without regard to case. */
    allow: z.array(z.string().trim().min(1).max(customLimits.allowedLength)).max(customLimits.allowed).default([]),
  })
  .superRefine(({ patterns, dictionaries }, context) => {
    const refuse = (message: string, path: (string | number)[]) => context.addIssue({ code: 'custom', message, path });
    const names = [...patterns, ...dictionaries].map(({ name }) => name);
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined) refuse(`The name "${twice}" is used twice.`, []);
    if (dictionaries.reduce((sum, { terms }) => sum + terms.length, 0) > customLimits.terms)
      refuse(`All dictionaries together have at most ${customLimits.terms} terms.`, ['dictionaries']);
    let size = 0;
    patterns.forEach(({ pattern, case_sensitive }, at) => {
      try {
        size += new SafePattern(pattern, { caseSensitive: case_sensitive }).size;
      } catch (error) {
        if (!(error instanceof BadPattern)) throw error;
        refuse(error.message, ['patterns', at, 'pattern']);
      }
    });
    if (size > customLimits.programSize) refuse('The patterns are too large together: use fewer, or shorter repetitions.', ['patterns']);
  })
  .meta({ id: 'CustomData' });
/** Validated data of a tenant. */
export type CustomData = z.output<typeof CustomData>;
