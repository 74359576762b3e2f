import { AppError, commonErrors } from '../../../../kernel/app-error.ts';

/** Why SCIM refuses, in its own words (RFC 7644, section 3.12). */
export type ScimType =
  'invalidFilter' | 'tooMany' | 'uniqueness' | 'mutability' | 'invalidSyntax' | 'invalidPath' | 'noTarget' | 'invalidValue';

/** A refusal with its word. */
export class ScimError extends AppError {
  constructor(
    status: number,
    readonly scimType: ScimType | undefined,
    message: string,
  ) {
    super('scim_refused', status, message, { retryable: false });
  }
}

/** Everything that SCIM refuses. */
export const scimErrors = {
  notFound: (what: 'user' | 'group') => commonErrors.notFound(what),
  taken: (what: string) => new ScimError(409, 'uniqueness', `There is one with this ${what} already.`),
  lastOwner: () => new ScimError(409, 'mutability', 'This is the only owner of the tenant, who cannot be switched off.'),
  filter: () => new ScimError(400, 'invalidFilter', 'Only userName, externalId, id or displayName eq "…" is understood.'),
  path: () => new ScimError(400, 'invalidPath', 'This path is not understood.'),
  value: (message: string) => new ScimError(400, 'invalidValue', message),
  tooMany: (most: number) => new ScimError(400, 'tooMany', `At most ${most} at a time.`),
};
