import { AppError, commonErrors } from '../../kernel/app-error.ts';

/** Errors about models, credentials and routes. */
export const modelErrors = {
  credentialNotFound: () => commonErrors.notFound('model credential'),
  routeNotFound: () => commonErrors.notFound('model route'),
  nameTaken: (what: string) => commonErrors.conflict('name_taken', `There is a ${what} of this name already.`),
  credentialInUse: () => commonErrors.conflict('credential_in_use', 'A route uses this credential. Take it out of its routes first.'),
  credentialRefused: () =>
    new AppError('credential_refused', 422, 'The provider refuses this key. Nothing was saved; send skip_test to save it untested.', {
      retryable: false,
      param: 'secret',
    }),
  addressNotAllowed: () =>
    new AppError('address_not_allowed', 422, 'The base URL must be https and lead to a public address.', {
      retryable: false,
      param: 'base_url',
    }),
  baseUrlRequired: () => commonErrors.invalidRequest([{ path: 'base_url', message: 'this kind of provider needs a base URL' }]),
  secretRequired: () =>
    commonErrors.invalidRequest([
      { path: 'secret', message: 'a change of kind or base URL needs the secret again: a stored one is never sent elsewhere' },
    ]),
  notPriced: (model: string) =>
    new AppError(
      'model_not_priced',
      422,
      `The model ${model} has no price, and what may be spent is limited. An operator can set one: parley models price ${model} --input … --output …`,
      { retryable: false, param: 'model', limit: { name: 'cost_per_month' } },
    ),
  providerNotCovered: (route: string) =>
    new AppError(
      'provider_not_covered',
      422,
      `No provider of ${route} is covered by an agreement, and the privacy mode is strict. Nothing was sent to any.`,
      { retryable: false, param: 'model' },
    ),
  unknownCredential: (at: number) =>
    commonErrors.invalidRequest([{ path: `targets.${at}.credential_id`, message: 'there is no such model credential' }]),
  tooMany: (what: string, limit: number) => commonErrors.conflict('too_many', `There may be at most ${limit} ${what}.`),
};

/** Whether a statement failed on a unique key. */
export function isTaken(error: unknown): boolean {
  return codeOf(error) === '23505';
}

/** Whether a statement failed on a foreign key. */
export function isReferenced(error: unknown): boolean {
  return codeOf(error) === '23503';
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? (error as { driverError?: { code?: unknown } }).driverError?.code : undefined;
}
