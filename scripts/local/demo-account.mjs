import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { say, warn } from './progress.mjs';
import { writePrivately } from './secrets.mjs';

/** @typedef {import('./app.mjs').DemoAccount} DemoAccount */
/** @typedef {Partial<DemoAccount> & { url: string, ws_url: string, inbox_url?: string | undefined, model_url?: string, database?: string, pids: Record<string, number | undefined> }} DemoFile */

const credentials = /** @type {const} */ (['email', 'password', 'api_key', 'publishable_key', 'tenant_id', 'bot_id']);

/**
 * Where a Parley on this machine is reached.
 * @param {number} port
 */
export function demoUrls(port) {
  return { url: `http://localhost:${port}`, ws_url: `ws://localhost:${port}/v1/chat` };
}

/**
 * The description of the last start, or undefined.
 * @param {string} home
 * @returns {DemoFile | undefined}
 */
export function readDemoFile(home) {
  try {
    const found = JSON.parse(readFileSync(join(home, 'demo.json'), 'utf8'));
    return typeof found === 'object' && found !== null ? found : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Describes this start for people and programs: where it is, how to sign in, which processes belong to it.
 * @param {string} home
 * @param {DemoFile} content
 */
export function writeDemoFile(home, content) {
  writePrivately(join(home, 'demo.json'), `${JSON.stringify(content, null, 2)}\n`);
}

/**
 * The demo account of this database: the one that is known from an earlier start, else a new one.
 * @param {string} home
 * @param {string} identity tells this database from any other
 * @param {() => Promise<DemoAccount | undefined>} seed gives undefined when the account was there already
 * @returns {Promise<DemoAccount | undefined>}
 */
export async function chooseAccount(home, identity, seed) {
  const known = readDemoFile(home);
  const account = known !== undefined && credentials.every((name) => typeof known[name] === 'string') ? pick(known) : undefined;
  if (account !== undefined && known?.database === identity) return account;
  const made = await seed();
  if (made === undefined && account === undefined)
    warn(`The demo account exists, but its password and keys are no longer in ${join(home, 'demo.json')}.`);
  const chosen = made ?? account;
  // Kept at once: a start that fails later must not lose them.
  if (made !== undefined) writeDemoFile(home, { url: '', ws_url: '', ...made, database: identity, pids: {} });
  return chosen;
}

/**
 * Lets the demo bot be used from this URL too: a later start may be on another port.
 * @param {string} url @param {DemoAccount} account
 */
export async function allowOrigin(url, account) {
  const bot = `${url}/v1/bots/${account.bot_id}`;
  const headers = { authorization: `Bearer ${account.api_key}`, 'content-type': 'application/json' };
  const answer = await fetch(bot, { headers });
  // The key or the bot may have been deleted: then it is no demo any more.
  if (!answer.ok) return;
  const { allowed_origins: allowed } = /** @type {{ allowed_origins: string[] }} */ (await answer.json());
  const origins = [...new Set([...allowed, url, url.replace('//localhost', '//127.0.0.1')])];
  if (origins.length > allowed.length) await fetch(bot, { method: 'PATCH', headers, body: JSON.stringify({ allowed_origins: origins }) });
}

/** @param {DemoFile} file @returns {DemoAccount} */
function pick(file) {
  return /** @type {DemoAccount} */ (Object.fromEntries(credentials.map((name) => [name, file[name]])));
}

/**
 * Says what there is now and what to try first.
 * @param {{ url: string, ws_url: string, inbox?: string | undefined, account: DemoAccount | undefined, home: string, demoModel: boolean, seconds: number, file?: string }} state `file`: where all of it stands
 */
export function printSummary({ url, ws_url, inbox, account, home, demoModel, seconds, file = 'demo.json' }) {
  const model = demoModel ? 'Answers come from the built-in demo model; set OPENAI_API_KEY or OPENAI_BASE_URL for a real one.' : '';
  const lines = ['', `Parley is ready after ${seconds.toFixed(1)} s.`, '', `  Playground   ${url}/`, `  API docs     ${url}/docs`];
  if (inbox !== undefined) lines.push(`  Inbox        ${inbox}`);
  if (account !== undefined) {
    const body = JSON.stringify({ model: account.bot_id, messages: [{ role: 'user', content: 'Hello' }] });
    lines.push(`  Demo login   ${account.email} / ${account.password}`, `  API key      ${account.api_key}`, '', 'Try it over HTTP:');
    lines.push(
      `  curl ${url}/v1/chat/completions -H 'Authorization: Bearer ${account.api_key}' -H 'Content-Type: application/json' -d '${body}'`,
    );
    lines.push('and over WebSocket:');
    lines.push(`  node scripts/chat.mjs --url ${ws_url} --key ${account.api_key} --bot ${account.bot_id} "Hello"`);
  }
  lines.push('', `All of this stands in ${join(home, file)}. ${model}`.trim(), 'Press Ctrl-C to stop.', '');
  for (const line of lines) say(line);
}
