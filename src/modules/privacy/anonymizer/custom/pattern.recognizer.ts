import { anyOf } from '../context.ts';
import type { Finding, Recognizer } from '../recognizer.ts';
import { findBounded } from './bounded-search.ts';
import type { CustomPattern } from './custom-data.schemas.ts';
import { SafePattern } from './safe-pattern.ts';

/** Recognizer of one pattern of a tenant. Throws BadPattern. */
export function patternRecognizer({ name, pattern, case_sensitive, kind, confidence, context }: CustomPattern): Recognizer {
  const expression = new SafePattern(pattern, { caseSensitive: case_sensitive });
  return {
    name: `custom:${name}`,
    kinds: [kind],
    ...(context.length === 0 ? {} : { context: { for: anyOf(context.join(',').toLowerCase()) } }),
    find: ({ text }) => findBounded(expression, text).map((place): Finding => ({ kind, ...place, confidence })),
  };
}
