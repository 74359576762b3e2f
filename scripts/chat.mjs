/** Sends one message over the chat WebSocket and prints the answer as it streams. `node scripts/chat.mjs --help` says how. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './local/paths.mjs';

/** Longest silence of the server before this gives up, in milliseconds. */
const silenceLimitMs = 60_000;

const usage = `Usage: node scripts/chat.mjs [options] <message>
  --demo                 use the Parley that \`npm start\` runs here (default when no key is given)
  --url <ws url>         e.g. ws://localhost:3000/v1/chat
  --key <api key>        secret API key
  --bot <bot id>         bot to talk to
  --conversation <id>    conversation to go on with; any text of up to 64 characters (default: a new one)`;

const options = /** @type {const} */ ({
  demo: { type: 'boolean' },
  url: { type: 'string' },
  key: { type: 'string' },
  bot: { type: 'string' },
  conversation: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
});

/** @param {string} sentence @returns {never} */
function stop(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

/** @returns {{ ws_url?: string, api_key?: string, bot_id?: string }} */
function demo() {
  const home = process.env.PARLEY_HOME ? resolve(process.env.PARLEY_HOME) : join(root, '.parley');
  try {
    return JSON.parse(readFileSync(join(home, 'demo.json'), 'utf8'));
  } catch {
    return stop(`There is no ${join(home, 'demo.json')}: run \`npm start\` first, or give --url, --key and --bot.`);
  }
}

function readArguments() {
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    return stop(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}

const { values, positionals } = readArguments();
const text = positionals.join(' ');
if (values.help || text === '') stop(usage);
const known = values.demo || values.key === undefined ? demo() : {};
const url = values.url ?? known.ws_url ?? 'ws://localhost:3000/v1/chat';
const key = values.key ?? known.api_key ?? stop('Give an API key with --key.');
const bot = values.bot ?? known.bot_id ?? stop('Give a bot with --bot.');

const target = new URL(url);
target.searchParams.set('bot_id', bot);
const requestId = randomUUID();
const conversation = values.conversation ?? randomUUID();
const { WebSocket } = await import('ws');
const socket = new WebSocket(target, { headers: { authorization: `Bearer ${key}` }, handshakeTimeout: 10_000 });
const silence = setTimeout(() => stop(`\nThe server said nothing for ${silenceLimitMs / 1000} s.`), silenceLimitMs);

socket.on('open', () => {
  const message = { id: randomUUID(), role: 'user', parts: [{ type: 'text', text }] };
  socket.send(
    JSON.stringify({ type: 'send', requestId, id: conversation, trigger: 'submit-message', messages: [message], body: {}, headers: {} }),
  );
});
socket.on('message', (/** @type {Buffer} */ data) => {
  const frame = JSON.parse(data.toString());
  if (frame.requestId !== requestId) return;
  silence.refresh();
  if (frame.type === 'chunk') show(frame.chunk);
  else if (frame.type === 'end') finish();
  else if (frame.type === 'error') stop(`\n${readable(frame.errorText)}`);
});
socket.on('unexpected-response', (_request, response) => stop(`The server refused the connection with status ${response.statusCode}.`));
socket.on('close', (code, reason) => stop(`\nThe connection was closed (${code}${reason.length > 0 ? ` ${String(reason)}` : ''}).`));
socket.on('error', (/** @type {NodeJS.ErrnoException} */ error) =>
  stop(error.code === 'ECONNREFUSED' ? `Nothing listens at ${url}: is Parley running?` : error.message),
);

/** @param {{ type: string, delta?: string, errorText?: string }} chunk */
function show(chunk) {
  if (chunk.type === 'text-delta') process.stdout.write(chunk.delta ?? '');
  else if (chunk.type === 'reset-step') process.stdout.write('\n[the answer starts again]\n');
  else if (chunk.type === 'error') stop(`\n${readable(chunk.errorText)}`);
}

/** @param {string | undefined} errorText */
function readable(errorText = '') {
  try {
    const { detail, title } = JSON.parse(errorText);
    return detail ?? title ?? errorText;
  } catch {
    return errorText;
  }
}

function finish() {
  process.stdout.write('\n');
  clearTimeout(silence);
  socket.removeAllListeners('close');
  socket.close(1000);
}
