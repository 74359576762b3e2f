import { commonErrors } from '../../kernel/app-error.ts';

/** Errors about bots. */
export const botErrors = {
  notFound: () => commonErrors.notFound('bot'),
};
