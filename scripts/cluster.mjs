/** `npm run cluster`: several replicas of Parley on this machine behind a proxy, on services of their own, until Ctrl-C. */
import { join } from 'node:path';
import { seedDemo } from './local/app.mjs';
import { clusterOptions } from './local/cluster-options.mjs';
import { allowOrigin, chooseAccount, demoUrls, printSummary } from './local/demo-account.mjs';
import { startFoundation } from './local/foundation.mjs';
import { launch } from './local/launch.mjs';
import { followWarnings } from './local/log-files.mjs';
import { checkPort, takePlace } from './local/place.mjs';
import { holdPort } from './local/ports.mjs';
import { watchNpm } from './local/processes.mjs';
import { say, step, warn } from './local/progress.mjs';
import { startProxy } from './local/proxies.mjs';
import { proxyProgram } from './local/proxy-programs.mjs';
import { replicaSettings, startReplica } from './local/replica-set.mjs';
import { writePrivately } from './local/secrets.mjs';

const begin = performance.now();
const command = 'npm run cluster';

/** @typedef {{ url: string, pid: number, role: string }} ReplicaEntry */
/**
 * @typedef {object} ClusterFile
 * @property {string} url of the proxy, or of the first replica without one
 * @property {string} ws_url
 * @property {ReplicaEntry[]} replicas workers included
 * @property {number | null} proxy_pid null without a proxy
 * @property {string | undefined} model_url of the demo model, or of the user's own
 * @property {string | undefined} database_url as owner of the tables
 * @property {string | undefined} redis_url
 * @property {string | undefined} api_key of the demo tenant
 * @property {string | undefined} bot_id
 */

/** @param {import('./local/launch.mjs').Run} run */
async function main({ finish, supervisor, onExit }) {
  const options = clusterOptions(process.argv.slice(2));
  const { proxy: kind, replicas: count, workers, restart } = options;
  const place = takePlace({ command, folder: '.parley-cluster', lowestPort: 0 }, onExit);
  const { settings, home } = place;
  if (place.port !== 0) await checkPort(place.port, '127.0.0.1', command);
  // Nobody may take it while the rest starts.
  const held = place.port === 0 ? await holdPort() : undefined;
  const port = held?.port ?? place.port;
  const urls = demoUrls(port);
  const proxied = kind !== 'none';
  /** @type {NodeJS.ProcessEnv} */
  const base = {
    ...settings,
    ...replicaSettings({ count: count + workers, url: urls.url, proxied, settings }),
    NODE_ENV: settings.NODE_ENV || 'production',
  };
  // Beside the rest: the first time it is fetched.
  const program = kind === 'none' ? undefined : step(kind, async (note) => note((await proxyProgram(kind)).version));
  const [{ backends, model }] = await Promise.all([startFoundation(home, base, supervisor), program]);
  const account = await chooseAccount(home, backends.identity, () => step('demo data', () => seedDemo(backends.env)));
  const env = { ...backends.env };
  if (account !== undefined) Object.assign(env, { PARLEY_PLAYGROUND_KEY: account.publishable_key, PARLEY_PLAYGROUND_BOT: account.bot_id });

  /** @type {() => void} */
  let onChange = () => {};
  const common = { env, home, restart, supervisor, onChange: () => onChange() };
  if (kind === 'none') await held?.release();
  const members = [
    ...Array.from({ length: count }, (_, at) => ({
      name: `replica-${at + 1}`,
      role: options.role,
      ...(kind === 'none' && at === 0 ? { port } : {}),
    })),
    ...Array.from({ length: workers }, (_, at) => ({ name: `worker-${at + 1}`, role: /** @type {const} */ ('worker') })),
  ];
  const replicas = await Promise.all(members.map((member) => step(member.name, () => startReplica({ ...common, ...member }))));
  for (const { name, logFile } of replicas) onExit(followWarnings(logFile, (text) => warn(`${name}: ${text}`)));

  const proxy =
    kind === 'none'
      ? undefined
      : await step(`${kind} on port ${port}`, async () => {
          await held?.release();
          return supervisor.keep(`The proxy (${kind})`, () =>
            startProxy({
              kind,
              dir: join(home, 'proxy'),
              port,
              logFile: join(home, 'logs', 'proxy.log'),
              replicas: replicas.filter(({ role }) => role !== 'worker').map((replica) => ({ host: '127.0.0.1', port: replica.port })),
            }),
          );
        });
  if (account !== undefined) await allowOrigin(urls.url, account);

  onChange = () => {
    /** @type {ClusterFile} */
    const file = {
      ...urls,
      replicas: replicas.map(({ url, role, kept }) => ({ url, pid: kept.pid, role })),
      proxy_pid: proxy?.pid ?? null,
      model_url: model?.service.url ?? backends.env.OPENAI_BASE_URL,
      database_url: backends.ownerEnv.DATABASE_OWNER_URL,
      redis_url: backends.env.REDIS_URL,
      api_key: account?.api_key,
      bot_id: account?.bot_id,
    };
    writePrivately(join(home, 'cluster.json'), `${JSON.stringify(file, null, 2)}\n`);
  };
  onChange();
  supervisor.onRestart = onChange;
  printSummary({
    ...urls,
    account,
    home,
    file: 'cluster.json',
    demoModel: model !== undefined,
    seconds: (performance.now() - begin) / 1000,
  });
  for (const { name, role, url, kept } of replicas) say(`  ${name.padEnd(12)} ${url} (pid ${kept.pid}, ${role})`);
  watchNpm(() => finish(0));
}

await launch(main);
