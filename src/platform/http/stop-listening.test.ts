import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { stopListening } from './stop-listening.ts';

/** Connects to a server on this machine and asks. On loopback the kernel has taken the connection before the loop goes on. */
function ask(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.write('POST / HTTP/1.1\r\nhost: parley\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
  return socket;
}

test('P10: whoever waits to be accepted when a server stops listening is served, and who comes later is refused', async () => {
  const server = createServer((_, response) => response.end('served')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const waiting = Array.from({ length: 40 }, () => text(ask(port)).catch((error: unknown) => String(error)));
  await stopListening(server);
  const late = text(ask(port));
  await expect(late).rejects.toThrow('ECONNREFUSED');
  expect(await Promise.all(waiting)).toEqual(waiting.map(() => expect.stringMatching(/^HTTP\/1.1 200 [^]*served$/)));
});

test('a connection that is kept is served on after the listener has closed', async () => {
  const server = createServer((_, response) => response.end('served')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const kept = connect((server.address() as AddressInfo).port, '127.0.0.1');
  kept.write('GET / HTTP/1.1\r\nhost: parley\r\n\r\n');
  await once(kept, 'data');
  await stopListening(server);
  kept.write('GET / HTTP/1.1\r\nhost: parley\r\nconnection: close\r\n\r\n');
  expect(await text(kept)).toMatch(/^HTTP\/1.1 200 [^]*served/);
});
