import { AppError } from '../../../kernel/app-error.ts';

/** Errors about finding personal data. */
export const anonymizerErrors = {
  notChecked: (cause?: unknown) =>
    new AppError('privacy_check_unavailable', 503, 'The text could not be checked for personal data. Try again later.', {
      retryAfter: 2,
      cause,
    }),
};
