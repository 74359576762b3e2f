import { once } from 'node:events';
import { SMTPServer } from 'smtp-server';

/** A mail as it arrived. */
export interface Delivery {
  from: string;
  to: string[];
  /** Headers and body as sent. */
  text: string;
}

/** A mail server on a free port that keeps what it gets, but for the next `times`, which it answers with `responseCode`. */
export async function mailServer() {
  const kept: Delivery[] = [];
  const refusal = { times: 0, responseCode: 0 };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo: (_address, _session, done) => {
      refusal.times -= 1;
      done(refusal.times < 0 ? null : Object.assign(new Error('refused by the test'), { responseCode: refusal.responseCode }));
    },
    onData: (stream, session, done) => {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        kept.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text: Buffer.concat(parts).toString(),
        });
        done();
      });
    },
  });
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const { port } = listening.address() as { port: number };
  return { kept, refusal, url: `smtp://127.0.0.1:${port}`, stop: () => new Promise<void>((resolve) => server.close(resolve)) };
}
