import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { type ChunkSink, LogCursor } from '../stream/log-cursor.ts';
import type { OpenedLog } from '../stream/turn-logs.ts';

/** Time between two comment pings, in milliseconds. */
const pingMs = 15_000;

/** How far a reader may fall behind. */
export interface SlowReaderLimits {
  slowReaderBytes: number;
  slowReaderMs: number;
}

/** Takes over a reply for server-sent events; headers go out at once. */
export function beginEvents(reply: FastifyReply, headers: Record<string, string> = {}): ServerResponse {
  reply.hijack();
  const response = reply.raw;
  response.writeHead(200, {
    // What earlier hooks have set (request id, CORS).
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    ...headers,
  });
  response.flushHeaders();
  return response;
}

/** How a dialect writes a log as events. */
export interface EventWriter {
  /** The event for one chunk; undefined writes nothing, 'cut' destroys the response. */
  chunk(sequence: number, json: string): string | undefined;
  /** What stands at the end. */
  end(): string;
}

/**
 * Writes a log to a response. A reader that is behind is waited for, and cut when it does not catch up; a log that breaks
 * destroys the socket, since clients take a clean end for completion.
 */
export function streamEvents(
  response: ServerResponse,
  opened: OpenedLog,
  next: number,
  writer: EventWriter,
  limits: SlowReaderLimits,
): void {
  // A client that is gone already will not be heard closing: nothing may wait for it.
  if (response.destroyed) return opened.release();
  let slow: NodeJS.Timeout | undefined;
  const ping = setInterval(() => response.write(': ping\n\n'), pingMs);
  const sink: ChunkSink = {
    ready: () => {
      if (response.writableLength < limits.slowReaderBytes) return true;
      slow ??= setTimeout(judge, limits.slowReaderMs);
      return false;
    },
    chunk: (sequence, json) => {
      const event = writer.chunk(sequence, json);
      if (event !== undefined) response.write(event);
    },
    end: () => response.end(writer.end()),
    cut: () => response.destroy(),
  };
  const cursor = new LogCursor(opened, next, sink);
  const goOn = () => {
    clearTimeout(slow);
    slow = undefined;
    cursor.resume();
  };
  // One that reads slowly, but reads, is below the limit by now without ever having had it all.
  const judge = () => (response.writableLength < limits.slowReaderBytes ? goOn() : response.destroy());
  response.on('drain', goOn);
  response.once('close', () => {
    clearInterval(ping);
    clearTimeout(slow);
    cursor.stop();
  });
  response.on('error', () => response.destroy());
  cursor.start();
}
