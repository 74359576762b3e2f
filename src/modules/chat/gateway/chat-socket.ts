import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { AppError } from '../../../kernel/app-error.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { problemText } from '../chat.errors.ts';
import { type ChunkSink, LogCursor } from '../stream/log-cursor.ts';
import type { OpenedLog } from '../stream/turn-logs.ts';
import type { Party } from '../turn/send-request.ts';
import type { TurnRef } from '../turn/turn.ts';
import { closeCodes, serverFrame, textFrame } from './frames.ts';

/** An open request of a socket: an answer that is being written. */
export interface OpenRequest {
  kind: 'send' | 'resume';
  conversation: string;
  turn: TurnRef;
  cursor: LogCursor;
}

/** Bounds of one socket. */
export interface SocketLimits {
  slowReaderBytes: number;
}

/** One client's socket: who it is, what it has asked for, and how far behind it is. Small, since there are many. */
export class ChatSocket {
  /** Answers that are being written, by request id. */
  readonly requests = new Map<string, OpenRequest>();
  /** Timers that stop a detached turn unless the client resumes, by conversation. */
  detached: Map<string, NodeJS.Timeout> | undefined;
  missedPongs = 0;
  /** Monotonic milliseconds since when the reader has been behind; 0 = it is not. */
  behindSince = 0;
  lastRequestAt = performance.now();
  /** Frames that wait for their turn, and the frames that may still come at once. */
  queuedFrames = 0;
  allowance: number;
  allowanceAt = performance.now();
  private tail: Promise<void> = Promise.resolve();
  private closing = false;

  /** `stream` is the connection beneath `ws`. */
  constructor(
    readonly ws: WebSocket,
    private readonly stream: Duplex,
    readonly principal: Principal,
    readonly party: Party,
    private readonly limits: SocketLimits,
    burst: number,
  ) {
    this.allowance = burst;
  }

  /** False once the socket closes: nothing more is written. */
  get open(): boolean {
    return !this.closing && this.ws.readyState === this.ws.OPEN;
  }

  /** True while more may be written. */
  get keepsUp(): boolean {
    return this.ws.bufferedAmount < this.limits.slowReaderBytes;
  }

  /** Runs the frames of a socket one after the other. */
  enqueue(work: () => Promise<void>): void {
    this.queuedFrames += 1;
    this.tail = this.tail
      .then(work)
      // Errors were told as frames before; one more here must not leave a socket that never answers again.
      .catch(() => this.close(closeCodes.overload, 'failed; try again'))
      .finally(() => {
        this.queuedFrames -= 1;
      });
  }

  /** Writes a frame. */
  send(frame: string): void {
    if (this.open) this.ws.send(frame);
  }

  /** Tells of an error, with the id that finds it in the log: as a frame when it belongs to a request, otherwise by closing. */
  fail(frame: unknown, error: AppError, errorId: string): void {
    const requestId = (frame as { requestId?: unknown } | null)?.requestId;
    if (typeof requestId === 'string' && requestId.length <= 200) this.send(serverFrame.error(requestId, problemText(error, errorId)));
    else this.close(closeCodes.badFrame, 'malformed frame');
  }

  /** Writes a turn's log to a request, from `next` on. */
  follow(requestId: string, request: Omit<OpenRequest, 'cursor'>, opened: OpenedLog, next: number): void {
    const cursor = new LogCursor(opened, next, this.sinkFor(requestId));
    this.requests.set(requestId, { ...request, cursor });
    cursor.start();
  }

  /** The request is over for this socket; the turn goes on. */
  forget(requestId: string): OpenRequest | undefined {
    const request = this.requests.get(requestId);
    request?.cursor.stop();
    this.requests.delete(requestId);
    return request;
  }

  /** The reader has caught up: go on. */
  resume(): void {
    for (const request of this.requests.values()) request.cursor.resume();
  }

  /** Closes the socket. Running turns go on. */
  close(code: number, reason: string): void {
    if (this.closing) return;
    this.closing = true;
    this.ws.close(code, reason);
    this.dispose();
  }

  /** Lets go of everything that the socket held. */
  dispose(): void {
    this.closing = true;
    for (const requestId of this.requests.keys()) this.forget(requestId);
    for (const timer of this.detached?.values() ?? []) clearTimeout(timer);
    this.detached = undefined;
  }

  private sinkFor(requestId: string): ChunkSink {
    const prefix = serverFrame.chunkPrefix(requestId);
    return {
      ready: () => {
        if (!this.open) return false;
        if (this.keepsUp) return true;
        // Written out = there is room again.
        if (this.behindSince === 0) this.behindSince = performance.now();
        return false;
      },
      hold: () => this.stream.cork(),
      release: () => this.stream.uncork(),
      // Past `ws`, which has nothing to add: no compression, and `ready` has just said that the socket is open.
      chunk: (sequence, json) => this.stream.write(textFrame(serverFrame.chunk(prefix, sequence, json))),
      end: () => {
        this.requests.delete(requestId);
        this.send(serverFrame.end(requestId));
      },
      cut: () => {
        this.requests.delete(requestId);
        this.close(closeCodes.restart, 'resume');
      },
    };
  }
}
