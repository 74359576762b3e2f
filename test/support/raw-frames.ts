import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';

/** First byte of a frame (RFC 6455, section 5.2). */
export const frameHead = { text: 0x81, firstFragment: 0x01, nextFragment: 0x00 } as const;

/** A client frame's header with a mask of zeros, so that the payload goes as it is. */
export function clientFrame(head: number, length: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const size = Buffer.alloc(length < 126 ? 2 : 10);
  size[0] = head;
  size[1] = 0x80 | (length < 126 ? length : 127);
  if (length >= 126) size.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([size, Buffer.alloc(4), payload]);
}

/** Writes bytes beneath a WebSocket as fast as they are taken, until all are gone or the socket is. Gives how many went. */
export async function writeRaw(ws: WebSocket, pieces: Iterable<Buffer>): Promise<number> {
  const socket = (ws as unknown as { _socket: Socket })._socket;
  const gone = new AbortController();
  const closed = () => gone.abort();
  ws.once('close', closed);
  let written = 0;
  for (const piece of pieces) {
    if (socket.destroyed || gone.signal.aborted) break;
    written += piece.length;
    if (socket.write(piece)) continue;
    await once(socket, 'drain', { signal: gone.signal }).catch(() => undefined);
  }
  return written;
}
