import { StandardSchemaValidationPipe } from '@nestjs/common';
import { commonErrors } from '../../kernel/app-error.ts';

interface Issue {
  message: string;
  path?: readonly (PropertyKey | { key: PropertyKey })[];
}

/** At most this many field errors are reported, so that a hostile body cannot make a huge answer. */
const maxFieldErrors = 20;

/** Issues of a schema as the one validation error: each with its dotted path. Values are never quoted. */
export function invalidInput(issues: readonly Issue[]) {
  const errors = issues.slice(0, maxFieldErrors).map((issue) => ({
    path: (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part).slice(0, 100)).join('.'),
    message: issue.message.slice(0, 300),
  }));
  return commonErrors.invalidRequest(errors, errors[0] === undefined ? undefined : `${errors[0].path || 'body'}: ${errors[0].message}`);
}

/** The global pipe: validates what has a schema. */
export const validationPipe = new StandardSchemaValidationPipe({ exceptionFactory: invalidInput });
