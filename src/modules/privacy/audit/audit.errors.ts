import { commonErrors } from '../../../kernel/app-error.ts';

/** Errors about the audit trail. */
export const auditErrors = {
  rowNotFound: () => commonErrors.notFound('row of the audit trail'),
};
