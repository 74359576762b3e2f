import { connect as connectPlain } from 'node:net';
import { connect as connectTls } from 'node:tls';

/**
 * Sends commands to a Redis, each answered before the next, and gives the answers: text, a number as text, or an Error.
 * Knows only the simple answers that status commands give; needs nothing installed.
 * @param {string} url `redis://` or `rediss://`; its user and password are used first
 * @param {string[][]} commands
 * @param {number} [limitMs]
 * @returns {Promise<string[]>}
 */
export function askRedis(url, commands, limitMs = 5_000) {
  const { protocol, hostname, port, username, password } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const user = username === '' ? [] : [decodeURIComponent(username)];
  const login = password === '' ? [] : [['AUTH', ...user, decodeURIComponent(password)]];
  const all = [...login, ...commands];
  const target = { host, port: Number(port || 6379) };
  return new Promise((resolve, reject) => {
    const socket = protocol === 'rediss:' ? connectTls({ ...target, servername: host }) : connectPlain(target);
    /** @type {string[]} */
    const answers = [];
    let buffer = Buffer.alloc(0);
    /** @param {Error} [error] */
    const finish = (error) => {
      clearTimeout(timer);
      socket.destroy();
      if (error === undefined) resolve(answers.slice(login.length));
      else reject(error);
    };
    const timer = setTimeout(() => finish(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })), limitMs);
    const sendNext = () => socket.write(encode(all[answers.length] ?? []));
    socket.once(protocol === 'rediss:' ? 'secureConnect' : 'connect', sendNext);
    socket.once('error', finish);
    socket.once('close', () => finish(new Error('the connection was closed')));
    socket.on('data', (chunk) => {
      buffer = Buffer.concat([buffer, chunk]);
      const answer = decode(buffer);
      if (answer === undefined) return;
      buffer = Buffer.alloc(0);
      if (answer.failed) return finish(new Error(answer.text));
      answers.push(answer.text);
      if (answers.length === all.length) finish();
      else sendNext();
    });
  });
}

/** @param {string[]} words */
function encode(words) {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

/** One whole answer, or undefined while bytes are missing. @param {Buffer} buffer @returns {{ text: string, failed: boolean } | undefined} */
function decode(buffer) {
  const end = buffer.indexOf('\r\n');
  if (end < 0) return undefined;
  const head = buffer.toString('utf8', 1, end);
  const kind = String.fromCharCode(buffer[0] ?? 0);
  if (kind === '+' || kind === ':' || kind === '-') return { text: head, failed: kind === '-' };
  if (kind !== '$') return { text: 'this is not a Redis server', failed: true };
  const length = Number(head);
  if (length < 0) return { text: '', failed: false };
  return buffer.length < end + 4 + length ? undefined : { text: buffer.toString('utf8', end + 2, end + 2 + length), failed: false };
}
