/** `npm start`: everything that Parley needs on this machine, then Parley, until Ctrl-C. */
import { join } from 'node:path';
import { lastWord, seedDemo, startServer } from './local/app.mjs';
import { allowOrigin, chooseAccount, demoUrls, printSummary, readDemoFile, writeDemoFile } from './local/demo-account.mjs';
import { startFoundation } from './local/foundation.mjs';
import { startInbox } from './local/inbox.mjs';
import { launch } from './local/launch.mjs';
import { followWarnings } from './local/log-files.mjs';
import { checkPort, takePlace } from './local/place.mjs';
import { isAlive, waitUntil, watchNpm } from './local/processes.mjs';
import { step, warn } from './local/progress.mjs';

const begin = performance.now();

/** @param {import('./local/launch.mjs').Run} run */
async function main({ finish, supervisor, onExit }) {
  const { settings, port, host, home } = takePlace({ command: 'npm start', folder: '.parley', lowestPort: 1 }, onExit);
  const { pids } = readDemoFile(home) ?? {};
  // A server of ours whose launcher was killed is about to end.
  if (pids?.server !== undefined) await waitUntil(() => !isAlive(Number(pids.server)), { limitMs: 2_000 });
  await checkPort(port, host, 'npm start');

  const urls = demoUrls(port);
  /** @type {NodeJS.ProcessEnv} */
  const base = {
    ...settings,
    PORT: String(port),
    HOST: host,
    PUBLIC_URL: settings.PUBLIC_URL || urls.url,
    NODE_ENV: settings.NODE_ENV || 'production',
  };
  const { backends, model } = await startFoundation(home, base, supervisor);
  // Without a mail server of the user's own, what is mailed can be read here.
  const inbox = settings.SMTP_URL ? undefined : await step('inbox', startInbox);
  if (inbox !== undefined) backends.env.SMTP_URL = inbox.smtpUrl;

  const account = await chooseAccount(home, backends.identity, () => step('demo data', () => seedDemo(backends.env)));
  const logFile = join(home, 'logs', 'server.log');
  const playground = account === undefined ? {} : { PARLEY_PLAYGROUND_KEY: account.publishable_key, PARLEY_PLAYGROUND_BOT: account.bot_id };
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  const server = await step('server', () =>
    supervisor.main(
      () => startServer({ env: { ...backends.env, ...playground }, logFile, readyUrl: `http://${address}:${port}/readyz` }),
      ({ code, signal }) =>
        `The server ended (${signal ?? `exit code ${code}`}), its last log line being "${lastWord(logFile)}"; the log is ${logFile}.`,
    ),
  );
  if (inbox !== undefined) onExit(() => void inbox.stop());
  onExit(followWarnings(logFile, (text) => warn(`server: ${text}`)));

  if (account !== undefined) await allowOrigin(urls.url, account);

  const writeDemo = () =>
    writeDemoFile(home, {
      ...urls,
      ...account,
      inbox_url: inbox?.url,
      model_url: model?.service.url ?? backends.env.OPENAI_BASE_URL,
      database: backends.identity,
      pids: {
        launcher: process.pid,
        server: server.pid,
        postgres: backends.kept.postgres?.pid,
        keystore: backends.kept.keystore?.pid,
        redis: backends.kept.redis?.pid,
        demo_model: model?.pid,
      },
    });
  writeDemo();
  supervisor.onRestart = writeDemo;
  printSummary({ ...urls, inbox: inbox?.url, account, home, demoModel: model !== undefined, seconds: (performance.now() - begin) / 1000 });
  watchNpm(() => finish(0));
}

await launch(main);
