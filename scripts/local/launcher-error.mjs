/** A failure that the user can act on: its message is one clear sentence, shown without a stack. */
export class LauncherError extends Error {
  /**
   * @param {string} message one sentence: what is wrong and what to do
   * @param {string} [details] output that helps, shown below the sentence
   */
  constructor(message, details = '') {
    super(message);
    this.name = 'LauncherError';
    this.details = details;
  }
}

/**
 * The text of anything thrown: the message alone where it is meant for the user, otherwise with its stack.
 * @param {unknown} error
 * @returns {string}
 */
export function describeError(error) {
  if (error instanceof LauncherError) return error.details === '' ? error.message : `${error.message}\n\n${error.details}`;
  const { code, path, syscall } = /** @type {NodeJS.ErrnoException} */ (error instanceof Error ? error : {});
  if (path !== undefined && /^(?:EACCES|EPERM|EROFS|ENOSPC|ENOTDIR|EISDIR|EMFILE)$/.test(code ?? ''))
    return `${path} cannot be used (${syscall}: ${code}).`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
