import { AppError, commonErrors } from '../../kernel/app-error.ts';
import type { EntityKind } from './anonymizer/entity-kinds.ts';

/** Errors about personal data. None of them holds any. */
export const privacyErrors = {
  blocked: (kinds: readonly EntityKind[]) =>
    new AppError(
      'personal_data_blocked',
      422,
      `The message was not accepted, since it holds personal data that this bot does not take: ${kinds.join(', ')}.`,
      { retryable: false },
    ),
  holdNotFound: () => commonErrors.notFound('legal hold'),
  botNotFound: () => commonErrors.notFound('bot'),
  visitorNotFound: () => commonErrors.notFound('visitor'),
  memberNotFound: () => commonErrors.notFound('member'),
  erasureNotFound: () => commonErrors.notFound('erasure'),
  wrongConfirmation: () =>
    commonErrors.invalidRequest([{ path: 'confirm', message: 'must be the id of the tenant, ten_…, that is to be deleted' }]),
  deletionNotFound: () => commonErrors.notFound('deletion'),
  nothingToHold: () =>
    new AppError('nothing_to_hold', 422, 'There is no such bot, visitor or conversation.', { retryable: false, param: 'object_id' }),
};
