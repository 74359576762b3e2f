import { AppError, commonErrors } from '../../../../kernel/app-error.ts';

/** Errors about exports of personal data. */
export const exportErrors = {
  notFound: () => commonErrors.notFound('export'),
  erasureUnderWay: () =>
    new AppError('erasure_under_way', 409, 'Data that would be exported is being erased. Try again when that is done.', { retryAfter: 10 }),
  tooMany: (most: number) =>
    commonErrors.conflict('too_many_exports', `There are ${most} exports that have not expired. Delete one, or wait until one expires.`),
};

/** Why an export failed, as its `error_code` says. */
export type ExportFailure = 'too_large' | 'erased' | 'internal';
