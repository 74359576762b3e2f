import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGuardedFetch } from './guarded-fetch.ts';

let server: Server;
let url: string;
const asked: string[] = [];
const open = createGuardedFetch({ publicOnly: false, timeoutMs: 300, maxBytes: 1_000 });
const guarded = createGuardedFetch({ publicOnly: true, timeoutMs: 300, maxBytes: 1_000 });

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.url === '/moved') return void response.writeHead(302, { location: '/inside' }).end();
    if (request.url === '/long') return void response.end('x'.repeat(1_001));
    if (request.url === '/bomb') return void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'.repeat(100_000)));
    if (request.url === '/stall') return void response.write('a');
    response.end('fine');
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await Promise.all([open.close(), guarded.close()]);
  server.closeAllConnections();
  server.close();
});

test('an answer comes as it is, and a redirect is handed back, not followed', async () => {
  expect(await (await open.fetch(`${url}/a`, {})).text()).toBe('fine');
  const moved = await open.fetch(`${url}/moved`, {});
  expect([moved.status, moved.headers.get('location')]).toEqual([302, '/inside']);
  expect(asked).not.toContain('GET /inside');
});

test.each(['/long', '/bomb', '/stall'])('%s is given up', async (path) => {
  await expect(open.fetch(url + path, {})).rejects.toThrow();
});

test('nothing private is reached where that is not allowed, by address, by name or in the clear', async () => {
  asked.length = 0;
  const { port } = new URL(url);
  for (const target of [
    url,
    `https://127.0.0.1:${port}/`,
    `https://localhost:${port}/`,
    `https://[::1]:${port}/`,
    `https://[::ffff:127.0.0.1]:${port}/`,
    `https://2130706433:${port}/`,
    `https://0x7f.1:${port}/`,
    'https://169.254.169.254/latest/meta-data',
    'https://user:secret@example.com/',
    'file:///etc/passwd',
  ])
    await expect(guarded.fetch(target, {}), target).rejects.toThrow();
  expect(asked).toEqual([]);
});
