import { describeError } from './launcher-error.mjs';
import { prepareRuntime } from './node-runtime.mjs';
import { fail, say } from './progress.mjs';
import { Supervisor } from './supervisor.mjs';

/** @typedef {{ finish: (code: number) => void, supervisor: Supervisor, onExit: (work: () => void) => void }} Run */

/**
 * Runs a launcher: `main` starts things under the supervisor and returns when they run. Ends them in order on Ctrl-C, SIGTERM and
 * SIGHUP, on a failure, and when something that must run has ended. `onExit` takes what is done last.
 * @param {(run: Run) => Promise<void>} main
 */
export async function launch(main) {
  await prepareRuntime();
  /** @type {(() => void)[]} */
  const exits = [];
  /** @type {Promise<void> | undefined} */
  let ending;
  const supervisor = new Supervisor((sentence) => {
    fail(sentence);
    finish(1);
  });
  /** @param {number} code */
  function finish(code) {
    ending ??= supervisor
      .stopAll()
      .catch((error) => fail(describeError(error)))
      .then(() => {
        for (const exit of exits) exit();
        process.exit(code);
      });
  }
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => {
      if (ending === undefined) say('Stopping …');
      finish(signal === 'SIGINT' ? 130 : 143);
    });
  }
  process.on('uncaughtException', (error) => {
    // While everything ends, connections to what has ended break.
    if (ending === undefined) fail(describeError(error));
    finish(1);
  });
  try {
    await main({ finish, supervisor, onExit: (work) => exits.push(work) });
  } catch (error) {
    if (!supervisor.stopping) fail(describeError(error));
    finish(1);
  }
}
