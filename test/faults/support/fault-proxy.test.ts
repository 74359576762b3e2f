import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommitFinder } from './commit-finder.ts';
import { FaultProxy } from './fault-proxy.ts';

let echo: Server;
let proxy: FaultProxy;
/** Pieces in which bytes have reached the server. */
let reads: number;
const sockets = new Set<Socket>();

beforeEach(async () => {
  reads = 0;
  echo = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => (reads += 1));
    socket.pipe(socket);
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await FaultProxy.start({ host: '127.0.0.1', port: (echo.address() as AddressInfo).port }, { seed: 7 });
});

afterEach(async () => {
  await proxy.close();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  echo.close();
});

/** A client of the proxy, what it has received, and how it ended. */
async function open() {
  const socket = connect(proxy.port, '127.0.0.1');
  const state = { socket, text: '', error: undefined as string | undefined };
  socket.on('error', (error: NodeJS.ErrnoException) => (state.error = error.code));
  socket.on('data', (bytes) => (state.text += bytes.toString()));
  sockets.add(socket);
  // A refused one may be reset before it knows that it was connected.
  await Promise.race([new Promise((resolve) => socket.once('connect', resolve)), closed(socket)]);
  return state;
}

/** Resolves when the socket is gone, with or without an error. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())));
}

async function until(fits: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !fits(); await sleep(2)) if (Date.now() > end) throw new Error('waited in vain');
}

describe('the fault proxy', () => {
  it('passes bytes on, also in single bytes with random delays, in order', async () => {
    const client = await open();
    client.socket.write('plain ');
    await until(() => client.text === 'plain ');
    proxy.setSlices(1);
    proxy.setDelay({ minMs: 0, maxMs: 20 });
    const words = Array.from({ length: 50 }, (_, at) => `w${at} `);
    for (const word of words) {
      client.socket.write(word);
      await sleep(1);
    }
    await until(() => client.text.length >= `plain ${words.join('')}`.length);
    expect(client.text).toBe(`plain ${words.join('')}`);
    // More pieces than were written.
    expect(reads).toBeGreaterThan(words.length + 1);
  });

  it('passes the end on after the last bytes', async () => {
    proxy.setDelay({ minMs: 30, maxMs: 30 });
    const client = await open();
    client.socket.end('last words');
    await closed(client.socket);
    expect(client.text).toBe('last words');
    expect(client.error).toBeUndefined();
    await until(() => proxy.connections === 0);
  });

  it('cuts, refuses, and serves again', async () => {
    const client = await open();
    client.socket.write('a');
    await until(() => client.text === 'a');
    expect(proxy.connections).toBe(1);
    proxy.cut();
    await closed(client.socket);
    expect(client.error).toBe('ECONNRESET');
    proxy.refuse();
    const refused = await open();
    await closed(refused.socket);
    expect(proxy.connections).toBe(0);
    proxy.accept();
    const served = await open();
    served.socket.write('b');
    await until(() => served.text === 'b');
  });

  it('stalls with bounded memory, new connections too, and loses nothing', async () => {
    const early = await open();
    early.socket.write('early');
    await until(() => early.text === 'early');
    proxy.stall();
    const late = await open();
    late.socket.write('late');
    const load = Buffer.alloc(64 * 1024, 'x');
    let sent = 0;
    // Writes until nobody takes more: far more than the proxy holds would go if it went on reading.
    for (let at = 0; at < 1_000 && early.socket.writableLength < 1 << 20; at += 1) {
      early.socket.write(load);
      sent += load.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(early.socket.writableLength).toBeGreaterThanOrEqual(1 << 20);
    expect(late.text).toBe('');
    expect(early.text).toBe('early');
    proxy.resume();
    await until(() => late.text === 'late' && early.text.length === sent + 5);
  });

  it('resets by chance, the same way for the same seed', async () => {
    proxy.setResetChance(1);
    const client = await open();
    client.socket.write('x');
    await closed(client.socket);
    expect(client.error).toBe('ECONNRESET');
  });

  it('holds a COMMIT and what comes after it, not what came before', async () => {
    proxy.holdCommits(300);
    const client = await open();
    const start = Buffer.alloc(8);
    start.writeUInt32BE(8, 0);
    start.writeUInt32BE(196_608, 4);
    client.socket.write(Buffer.concat([start, message('Q', 'SELECT 1\0'), message('Q', 'COMMIT\0'), message('Q', 'SELECT 2\0')]));
    await until(() => client.text.includes('SELECT 1'));
    expect(client.text).not.toContain('COMMIT');
    const began = performance.now();
    await until(() => client.text.includes('SELECT 2'));
    expect(client.text).toContain('COMMIT');
    expect(performance.now() - began).toBeGreaterThan(200);
  });
});

describe('finding a COMMIT', () => {
  const start = Buffer.from([0, 0, 0, 8, 0, 3, 0, 0]);
  const commits = (...messages: Buffer[]) => {
    const finder = new CommitFinder();
    finder.take(start);
    return messages.map((bytes) => finder.take(bytes).some(({ commit }) => commit));
  };

  it('reads simple and extended queries', () => {
    expect(commits(message('Q', 'COMMIT\0'), message('Q', 'update x; commit\0'), message('Q', "select 'commit'\0"))).toEqual([
      true,
      true,
      false,
    ]);
    expect(
      commits(message('P', '\0COMMIT\0\0\0'), message('B', '\0\0\0\0'), message('P', '\0SELECT 1\0\0\0'), message('B', '\0\0')),
    ).toEqual([true, true, false, false]);
    expect(commits(message('P', 'done\0COMMIT\0\0\0'), message('P', '\0SELECT 1\0\0\0'), message('B', 'portal\0done\0\0'))).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('gives back every byte, however it is cut, and passes other protocols on', () => {
    const whole = Buffer.concat([
      start,
      message('Q', 'SELECT 1\0'),
      message('Q', 'COMMIT\0'),
      message('d', 'x'.repeat(2 << 20)),
      message('X', ''),
    ]);
    const finder = new CommitFinder();
    const out = [];
    for (let at = 0; at < whole.length; at += at < 60 ? 1 : 50_000)
      out.push(...finder.take(whole.subarray(at, at + (at < 60 ? 1 : 50_000))));
    expect(Buffer.concat(out.map(({ bytes }) => bytes)).equals(whole)).toBe(true);
    expect(out.filter(({ commit }) => commit)).toHaveLength(1);
    expect(new CommitFinder().take(Buffer.from('PI'))).toEqual([{ bytes: Buffer.from('PI'), commit: false }]);
  });
});

function message(type: string, body: string): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(4 + Buffer.byteLength(body), 1);
  return Buffer.concat([head, Buffer.from(body)]);
}
