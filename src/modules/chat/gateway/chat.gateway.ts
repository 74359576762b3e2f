import { Inject, UseFilters } from '@nestjs/common';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { publicId } from '../../../kernel/ids.ts';
import { Access, ProblemFilter } from '../../../platform/http/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import { chatErrors } from '../chat.errors.ts';
import { lastUserMessage } from '../dialects/last-user-message.ts';
import { parseCursor, startAfter } from '../stream/log-cursor.ts';
import { TurnLogs } from '../stream/turn-logs.ts';
import { AcceptTurn } from '../turn/accept-turn.ts';
import { FindTurn } from '../turn/find-turn.ts';
import type { ChatSocket } from './chat-socket.ts';
import { AbortFrame, ResumeFrame, SendFrame, serverFrame } from './frames.ts';

/** How long a client has to resume after it aborted a resume, before the turn is stopped, in milliseconds. */
const resumeGraceMs = 1_000;

/** Chat over WebSocket: the AI SDK's frames. */
@WebSocketGateway({ path: '/v1/chat' })
@UseFilters(ProblemFilter)
export class ChatGateway {
  constructor(
    private readonly accept: AcceptTurn,
    private readonly find: FindTurn,
    private readonly logs: TurnLogs,
    @Inject(chatConfig.token) private readonly config: ChatConfig,
  ) {}

  /** A message: committed, acknowledged by `start`, then its answer. */
  @SubscribeMessage('send')
  @Access('chat.send')
  async send(@ConnectedSocket() socket: ChatSocket, @MessageBody({ schema: SendFrame }) frame: SendFrame): Promise<void> {
    this.checkRoom(socket, frame.requestId);
    const message = lastUserMessage(frame.messages);
    const turn = await this.accept.accept({
      party: socket.party,
      conversation: frame.id,
      clientMessageId: message.id,
      text: message.text,
      trigger: frame.trigger,
      messageId: frame.messageId ?? undefined,
    });
    socket.send(serverFrame.start(frame.requestId));
    const opened = await this.logs.open(turn);
    if (!socket.open) return opened.release();
    socket.follow(frame.requestId, { kind: 'send', conversation: frame.id, turn }, opened, 0);
  }

  /** Follows the newest answer of a conversation, after the cursor or from its beginning. */
  @SubscribeMessage('resume')
  @Access('chat.send')
  async resume(@ConnectedSocket() socket: ChatSocket, @MessageBody({ schema: ResumeFrame }) frame: ResumeFrame): Promise<void> {
    this.checkRoom(socket, frame.requestId);
    this.keepDetached(socket, frame.id);
    const turn = await this.find.newest(socket.party, frame.id);
    if (turn === undefined) return socket.send(serverFrame.noActive(frame.requestId));
    const opened = await this.logs.open(turn);
    if (!socket.open) return opened.release();
    const next = startAfter(parseCursor(frame.body?.cursor), opened.log, publicId('turn', turn.turnId));
    socket.send(serverFrame.start(frame.requestId));
    socket.follow(frame.requestId, { kind: 'resume', conversation: frame.id, turn }, opened, next);
  }

  /** Stops the turn of a `send`; of a `resume`, stops following, and the turn too unless the client resumes again. */
  @SubscribeMessage('abort')
  @Access('chat.send')
  async abort(@ConnectedSocket() socket: ChatSocket, @MessageBody({ schema: AbortFrame }) frame: AbortFrame): Promise<void> {
    const request = socket.forget(frame.requestId);
    if (request === undefined) return;
    if (request.kind === 'send') return this.find.stop(request.turn);
    this.keepDetached(socket, request.conversation);
    socket.detached ??= new Map();
    const timer = setTimeout(() => {
      socket.detached?.delete(request.conversation);
      // A hint is enough here: when it fails, the answer just goes on to its end.
      this.find.stop(request.turn).catch(() => undefined);
    }, resumeGraceMs);
    socket.detached.set(request.conversation, timer);
  }

  private keepDetached(socket: ChatSocket, conversation: string): void {
    clearTimeout(socket.detached?.get(conversation));
    socket.detached?.delete(conversation);
  }

  private checkRoom(socket: ChatSocket, requestId: string): void {
    socket.lastRequestAt = performance.now();
    if (socket.requests.size >= this.config.requestsPerSocket) throw chatErrors.tooManyRequests();
    if (socket.requests.has(requestId)) throw chatErrors.requestIdInUse();
  }
}
