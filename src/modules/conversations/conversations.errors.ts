import { commonErrors } from '../../kernel/app-error.ts';

/** Errors about conversations. */
export const conversationErrors = {
  notFound: () => commonErrors.notFound('conversation'),
};
