import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import PostalMime from 'postal-mime';
import { SMTPServer } from 'smtp-server';

/** @typedef {{ at: Date, to: string, subject: string, text: string }} ReceivedMail */
/** @typedef {{ url: string, smtpUrl: string, stop: () => Promise<void> }} Inbox */

/** Mails kept, the newest; they are held in memory alone. */
const mostMails = 100;
const mostBytes = 256 * 1024;

const style =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}' +
  'article{border:1px solid #767676;border-radius:.5rem;padding:.5rem 1rem;margin:1rem 0}h2{margin:.25rem 0;font-size:1.1rem}' +
  'p{margin:.25rem 0}pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit}a{color:#0645ad}';

/**
 * A mail server for one machine, and a page that shows what it got: so that invitations and forgotten passwords can be tried without
 * a mail server. Both listen on loopback; SMTP wants a password, and the page has an address that nobody guesses, since mails hold links
 * that open accounts.
 * @returns {Promise<Inbox>}
 */
export async function startInbox() {
  /** @type {ReceivedMail[]} */
  const mails = [];
  const [password, path] = [randomBytes(18).toString('base64url'), `/${randomBytes(18).toString('base64url')}/`];
  const smtp = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    size: mostBytes,
    logger: false,
    onAuth: (given, _session, done) => {
      const right = isSame(given.password ?? '', password);
      done(right ? null : new Error('wrong password'), right ? { user: 'parley' } : undefined);
    },
    onData: (stream, session, done) => {
      /** @type {Buffer[]} */
      const parts = [];
      stream.on('data', (part) => parts.push(part));
      stream.on('error', done);
      stream.on('end', () => {
        if (stream.sizeExceeded) return done(Object.assign(new Error('too large'), { responseCode: 552 }));
        PostalMime.parse(Buffer.concat(parts)).then(({ subject = '', text = '' }) => {
          mails.unshift({ at: new Date(), to: session.envelope.rcptTo.map(({ address }) => address).join(', '), subject, text });
          mails.length = Math.min(mails.length, mostMails);
          done();
        }, done);
      });
    },
  });
  // A client that hangs up is no event of the launcher's.
  smtp.on('error', () => {});
  const web = createServer((request, response) => {
    const [type, body] = answer(request.url ?? '', path, mails);
    response.writeHead(body === undefined ? 404 : 200, {
      'content-type': type,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    });
    response.end(body ?? 'Not found');
  });
  const [smtpPort, webPort] = await Promise.all([listening(smtp.listen(0, '127.0.0.1')), listening(web.listen(0, '127.0.0.1'))]);
  return {
    url: `http://127.0.0.1:${webPort}${path}`,
    smtpUrl: `smtp://parley:${password}@127.0.0.1:${smtpPort}?ignoreTLS=true`,
    stop: async () => {
      web.closeAllConnections();
      await Promise.all([new Promise((resolve) => smtp.close(() => resolve(undefined))), new Promise((resolve) => web.close(resolve))]);
    },
  };
}

/** @param {string} url @param {string} path @param {ReceivedMail[]} mails @returns {[string, string | undefined]} */
function answer(url, path, mails) {
  if (url === path) return ['text/html; charset=utf-8', page(mails)];
  if (url === `${path}mails.json`) return ['application/json', JSON.stringify(mails)];
  return ['text/plain; charset=utf-8', undefined];
}

/** @param {ReceivedMail[]} mails */
function page(mails) {
  const shown = mails.map(
    ({ at, to, subject, text }) =>
      `<article><h2>${escaped(subject)}</h2><p>To ${escaped(to)}, <time datetime="${at.toISOString()}">${at.toISOString()}</time></p><pre>${linked(text)}</pre></article>`,
  );
  const none = '<p>No mail yet. What Parley sends arrives here, and goes nowhere else.</p>';
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Parley inbox</title><style>${style}</style></head><body><main><h1>Inbox</h1><p><a href="">Look again</a></p>${shown.join('') || none}</main></body></html>`;
}

/** @param {string} text */
function linked(text) {
  return text
    .split(/(https?:\/\/[^\s<>"]+)/)
    .map((part, at) => (at % 2 === 1 ? `<a href="${escaped(part)}" rel="noreferrer">${escaped(part)}</a>` : escaped(part)))
    .join('');
}

/** @param {string} text */
function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** @param {string} left @param {string} right */
function isSame(left, right) {
  const [one, other] = [Buffer.from(left), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** @param {import('node:net').Server} server @returns {Promise<number>} */
function listening(server) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}
