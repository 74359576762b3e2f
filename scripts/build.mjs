/** Builds the server and the playground page into `dist/`, as far as they are not up to date. */
import { build } from './local/build.mjs';
import { describeError } from './local/launcher-error.mjs';
import { fail, say } from './local/progress.mjs';

try {
  const parts = await build();
  say(parts.length === 0 ? 'Everything is up to date.' : `Built: ${parts.join(', ')}.`);
} catch (error) {
  fail(describeError(error));
  process.exit(1);
}
