import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { LastAnswers } from './last-answers.ts';
import { stopListening } from './stop-listening.ts';

let server: Server;
afterEach(() => server.closeAllConnections());

async function serve(listener: RequestListener): Promise<LastAnswers> {
  server = createServer(listener);
  const answers = new LastAnswers(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return answers;
}

/** Asks on a connection that is to be kept, and reads nothing yet. */
async function ask(): Promise<Socket> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nhost: parley\r\n\r\n');
  await once(server, 'request');
  return socket;
}

/** Seconds that `work` takes. */
async function secondsOf(work: Promise<void>): Promise<number> {
  const begin = performance.now();
  await work;
  return (performance.now() - begin) / 1_000;
}

test('an answer that is only partly sent is not cut: its slow reader has it whole', async () => {
  const body = Buffer.alloc(32 * 1024 * 1024);
  const answers = await serve((_, response) => response.setHeader('content-length', body.length).end(body));
  const slow = await ask();
  await stopListening(server);
  const out = answers.out({ streamsMs: 100, answersMs: 20_000 });
  await sleep(300);
  let bytes = 0;
  slow.on('data', (piece: Buffer) => (bytes += piece.length));
  slow.resume();
  await out;
  server.closeAllConnections();
  await once(slow, 'close');
  expect(bytes).toBeGreaterThan(body.length);
});

test('a request that waits for its answer has longer than a stream, which can be resumed', async () => {
  const answers = await serve((_, response) => void setTimeout(() => response.end('at last'), 500));
  const waiting = await ask();
  await stopListening(server);
  const out = secondsOf(answers.out({ streamsMs: 50, answersMs: 20_000 }));
  const [answer] = (await once(waiting.resume(), 'data')) as [Buffer];
  expect(answer.toString()).toContain('at last');
  expect(await out).toBeLessThan(5);
});

test('a stream is left after its limit, a request that is never answered after the other', async () => {
  const streaming = await serve((_, response) => void response.write('first'));
  await ask();
  await stopListening(server);
  expect(await secondsOf(streaming.out({ streamsMs: 50, answersMs: 20_000 }))).toBeLessThan(5);
  server.closeAllConnections();
  const silent = await serve(() => undefined);
  await ask();
  await stopListening(server);
  expect(await secondsOf(silent.out({ streamsMs: 50, answersMs: 300 }))).toBeGreaterThanOrEqual(0.3);
});

test('idle connections do not hold anybody up', async () => {
  const answers = await serve((_, response) => response.end('served'));
  const idle = await ask();
  idle.resume();
  await stopListening(server);
  expect(await secondsOf(answers.out({ streamsMs: 20_000, answersMs: 20_000 }))).toBeLessThan(5);
});
