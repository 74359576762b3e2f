import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type INestApplication, Logger, type WebSocketAdapter } from '@nestjs/common';
import type { WsMessageHandler } from '@nestjs/common';
import { EMPTY, lastValueFrom, type Observable } from 'rxjs';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { pathOf, toAppError } from '../../../platform/http/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import { ChatSocket } from './chat-socket.ts';
import { ChatSockets } from './chat-sockets.ts';
import { closeCodes } from './frames.ts';
import { SocketAdmission } from './socket-admission.ts';

/** Handshakes whose credential is being checked, at most. */
const maxPendingHandshakes = 1_000;
/** Frames of one socket that wait to be handled before its reading pauses. */
const maxQueuedFrames = 16;

type Connect = (client: ChatSocket) => void;
type ToObservable = (result: unknown) => Observable<unknown>;

/**
 * Nest's gateways over plain `ws` sockets. Nest binds its handlers to a client when a frame comes and forgets them with it,
 * instead of keeping subscriptions per socket: an idle socket costs what `ws` costs plus one small object.
 */
export class ChatSocketAdapter implements WebSocketAdapter<WebSocketServer, ChatSocket> {
  private readonly logger = new Logger(ChatSocketAdapter.name);
  private readonly sockets: ChatSockets;
  private readonly admission: SocketAdmission;
  private readonly config: ChatConfig;
  private readonly servers = new Map<string, WebSocketServer>();
  private connect: Connect = () => undefined;
  /** Handlers of the client that `connect` was last called for. */
  private bound: WsMessageHandler[] = [];
  private toObservable: ToObservable = () => EMPTY;
  private pending = 0;

  /** `accepts`: false for a replica that opens no sockets. */
  constructor(
    app: INestApplication,
    private readonly accepts = true,
  ) {
    this.sockets = app.get(ChatSockets, { strict: false });
    this.admission = app.get(SocketAdmission, { strict: false });
    this.config = app.get(chatConfig.token, { strict: false });
    const server = app.getHttpServer() as Server;
    server.on('upgrade', (request, socket, head) => this.upgrade(request, socket, head));
  }

  create(_port: number, options?: { path?: string }): WebSocketServer {
    const server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: this.config.frameBytes,
      perMessageDeflate: false,
      // Of ['parley.v1', 'ticket.…'] only the first is ever answered.
      handleProtocols: (protocols) => (protocols.has('parley.v1') ? 'parley.v1' : false),
    });
    this.servers.set(options?.path ?? '/', server);
    return server;
  }

  bindClientConnect(_server: WebSocketServer, callback: Connect): void {
    this.connect = callback;
  }

  bindMessageHandlers(_client: ChatSocket, handlers: WsMessageHandler[], toObservable: ToObservable): void {
    this.bound = handlers;
    this.toObservable = toObservable;
  }

  close(server: WebSocketServer): void {
    server.close();
  }

  /** Nest calls this last. Nothing is left to let go of. */
  dispose(): Promise<void> {
    return Promise.resolve();
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const server = this.accepts ? this.servers.get(pathOf(request.url ?? '/')) : undefined;
    if (server === undefined) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    server.handleUpgrade(request, socket, head, (ws) => void this.opened(ws, request));
  }

  /** The handshake is complete, so that a browser sees why it is refused; nothing is read before the credential is checked. */
  private async opened(ws: WebSocket, request: IncomingMessage): Promise<void> {
    ws.on('error', () => ws.terminate());
    if (this.pending >= maxPendingHandshakes) return ws.close(closeCodes.overload, 'too many handshakes');
    ws.pause();
    this.pending += 1;
    try {
      const admitted = await this.admission.admit(request);
      const { slowReaderBytes, framesPerSecond } = this.config;
      const socket = new ChatSocket(ws, request.socket, admitted.principal, admitted.party, { slowReaderBytes }, framesPerSecond * 4);
      const added = await this.sockets.add(socket);
      if (added === 'added') this.listen(ws, socket);
      else if (added === 'full') ws.close(closeCodes.rate, 'too many sockets');
      else ws.close(closeCodes.restart, 'restart');
    } catch (error) {
      this.refuse(ws, error);
    } finally {
      this.pending -= 1;
      ws.resume();
    }
  }

  private listen(ws: WebSocket, socket: ChatSocket): void {
    ws.on('message', (data, isBinary) => this.received(socket, data, isBinary));
    ws.on('pong', () => {
      socket.missedPongs = 0;
    });
    ws.once('close', (code) => this.sockets.remove(socket, code));
    if (ws.readyState !== ws.OPEN) this.sockets.remove(socket, 1006);
  }

  private refuse(ws: WebSocket, thrown: unknown): void {
    const error = toAppError(thrown);
    if (error.status >= 500)
      this.logger.warn({ code: error.code, error: safeError(error.options.cause ?? error) }, 'a socket could not be opened');
    const code =
      { 400: closeCodes.badFrame, 401: closeCodes.credential, 403: closeCodes.forbidden, 404: closeCodes.forbidden, 429: closeCodes.rate }[
        error.status
      ] ?? closeCodes.overload;
    ws.close(code, error.code);
  }

  private received(socket: ChatSocket, data: RawData, isBinary: boolean): void {
    if (!socket.open) return;
    if (!this.allowed(socket, (data as Buffer).length)) return socket.close(closeCodes.rate, 'too many frames');
    const frame = isBinary ? undefined : parse(data);
    const type = (frame as { type?: unknown } | undefined)?.type;
    if (type !== 'send' && type !== 'resume' && type !== 'abort') return socket.close(closeCodes.badFrame, 'unknown frame');
    if (socket.queuedFrames >= maxQueuedFrames) socket.ws.pause();
    socket.enqueue(async () => {
      await this.dispatch(socket, type, frame);
      if (socket.ws.isPaused && socket.queuedFrames < maxQueuedFrames) socket.ws.resume();
    });
  }

  private async dispatch(socket: ChatSocket, type: string, frame: unknown): Promise<void> {
    if (!socket.open) return;
    this.connect(socket);
    const handler = this.bound.find(({ message }) => message === type);
    this.bound = [];
    // With a global interceptor a handler gives an observable that does nothing until somebody listens.
    if (handler !== undefined) await lastValueFrom(this.toObservable(handler.callback(frame, type)), { defaultValue: undefined });
  }

  /** A token bucket per socket. A frame costs one, and one more for each 64 KiB: what is costly is to parse them. */
  private allowed(socket: ChatSocket, bytes: number): boolean {
    const cost = 1 + Math.floor(bytes / 65_536);
    const now = performance.now();
    const { framesPerSecond } = this.config;
    socket.allowance = Math.min(framesPerSecond * 4, socket.allowance + ((now - socket.allowanceAt) / 1_000) * framesPerSecond);
    socket.allowanceAt = now;
    if (socket.allowance < cost) return false;
    socket.allowance -= cost;
    return true;
  }
}

function parse(data: RawData): unknown {
  try {
    return JSON.parse((data as Buffer).toString());
  } catch {
    return undefined;
  }
}
