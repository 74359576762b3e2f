import { Chat } from '@ai-sdk/react';
import { WebSocketChatTransport } from 'ai';
import { chatTicket } from '../api/chat-ticket.ts';
import { type Credentials, SignedOut } from '../api/credentials.ts';
import { loadHistory } from '../api/history.ts';
import { ApiProblem, isNetworkFailure, type Problem, problemOf } from '../api/problem.ts';
import { randomId } from '../state/random-id.ts';
import { isWorthRetrying } from './backoff.ts';
import type { ChatMessage, QueuePlace } from './chat-message.ts';
import type { ConversationStore, StoredConversation } from './conversation-store.ts';
import { type Ending, endingOf } from './ending.ts';
import { Link, type LinkState } from './link.ts';
import { mergeHistory } from './merge-history.ts';
import { observedSocket } from './observed-socket.ts';

/** What the page shows of a conversation besides its messages. */
export interface ConversationState {
  link: LinkState;
  queue: QueuePlace | undefined;
  /** What the bot says first, once the server has told it. */
  greeting: string | null | undefined;
  problem: Problem | undefined;
  /** The connection broke during an answer and is being restored. */
  isRecovering: boolean;
  /** Earlier messages are being fetched. */
  isLoading: boolean;
}

interface Request {
  kind: 'submit' | 'regenerate';
  isAcknowledged: boolean;
}

/** One conversation: the AI SDK's chat over a WebSocket, restored after every broken connection. */
export class Conversation {
  readonly chat: Chat<ChatMessage>;
  private readonly transport: WebSocketChatTransport<ChatMessage>;
  private readonly listeners = new Set<() => void>();
  private readonly link: Link;
  private state: ConversationState;
  private request: Request | undefined;
  /** The server has committed the last question, so that asking again must be for another answer. */
  private wasTaken = false;
  private isStopWanted = false;
  private isClosed = false;
  /** The browser has reported that there is no network, and the socket was given up. */
  private isNetworkLost = false;
  private serverId: string | undefined;

  constructor(
    private readonly credentials: Credentials,
    private readonly store: ConversationStore,
    botId: string,
    stored: StoredConversation,
    private readonly onSignedOut: () => void,
  ) {
    this.serverId = stored.serverId;
    this.link = new Link(
      () => void this.recover(),
      (link) => this.change({ link }),
      () => {
        this.isNetworkLost = true;
        this.transport.close();
      },
    );
    this.state = {
      link: this.link.state,
      queue: undefined,
      greeting: undefined,
      problem: undefined,
      isRecovering: false,
      isLoading: false,
    };
    this.transport = new WebSocketChatTransport<ChatMessage>({
      url: '/v1/chat',
      params: async () => {
        this.isNetworkLost = false;
        this.link.connecting();
        const { ticket, bot } = await chatTicket(credentials, botId);
        if (bot !== undefined) this.change({ greeting: bot.greeting });
        return { ticket };
      },
      // The server reads the last question only: the history stays here.
      prepareSendMessagesRequest: ({ messages }) => ({ messages: messages.filter((message) => message.role === 'user').slice(-1) }),
      webSocket: observedSocket({
        opened: () => this.link.opened(),
        closed: (code) => this.link.closed(code),
        acknowledged: (kind) => this.acknowledged(kind),
        pushed: () => undefined,
      }),
    });
    this.chat = new Chat<ChatMessage>({
      id: stored.id,
      messages: stored.messages,
      generateId: randomId,
      transport: this.transport,
      onData: (part) => {
        if (part.type === 'data-queue') this.change({ queue: part.data });
      },
      onError: (error) => this.failed(error),
      onFinish: ({ message, isAbort, isDisconnect, isError, finishReason }) => {
        this.change({ queue: undefined });
        if (isDisconnect || this.state.isRecovering) return;
        this.request = undefined;
        const ending = endingOf({ isAbort, isError, finishReason, metadata: message.metadata });
        // After an error the SDK may still work off chunks that came before it.
        if (isError) setTimeout(() => this.settle(this.chat.lastMessage?.id, ending), 0);
        else this.settle(message.id, ending);
      },
    });
    addEventListener('pagehide', this.save);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): ConversationState => this.state;

  /** Loads what came before and follows a running answer. */
  async open(): Promise<void> {
    if (this.credentials.kind === 'member' && this.serverId !== undefined) await this.loadEarlier(this.serverId);
    if (!this.isClosed) await this.chat.resumeStream();
  }

  /** Asks a question. */
  async send(text: string): Promise<void> {
    this.begin('submit');
    const sent = this.chat.sendMessage({ parts: [{ type: 'text', text }] });
    this.save();
    await sent;
  }

  /** Asks for another answer to the last question. */
  async regenerate(): Promise<void> {
    const last = this.chat.lastMessage;
    this.begin('regenerate');
    const asked = this.chat.regenerate(last?.role === 'assistant' ? { messageId: last.id } : {});
    // By then the SDK has taken the old answer out.
    setTimeout(this.save, 0);
    await asked;
  }

  /** Tries the last question again. One that the server never took goes out with the same id, so that it counts once. */
  async retry(): Promise<void> {
    const last = this.chat.lastMessage;
    if (this.link.isWaiting) return this.link.retryNow();
    if (last === undefined) return this.chat.resumeStream();
    if (last.role === 'assistant' || this.wasTaken) return this.regenerate();
    await this.resubmit();
  }

  /** Stops the running answer, also one whose connection is just broken. */
  async stop(): Promise<void> {
    if (this.state.isRecovering) {
      this.isStopWanted = this.request?.isAcknowledged ?? true;
      if (this.isStopWanted) return this.link.retryNow();
      this.link.rest();
      this.request = undefined;
      this.change({ isRecovering: false });
      this.chat.clearError();
      return;
    }
    await this.chat.stop();
    const last = this.chat.lastMessage;
    if (last?.metadata?.ending === undefined) this.settle(last?.id, 'stopped');
  }

  dismissProblem(): void {
    this.change({ problem: undefined });
    this.chat.clearError();
  }

  /** Leaves the conversation. The server goes on with a running answer. */
  close(): void {
    this.save();
    this.isClosed = true;
    removeEventListener('pagehide', this.save);
    this.link.rest();
    this.link.dispose();
    this.transport.close();
  }

  private begin(kind: Request['kind']): void {
    this.wasTaken = false;
    this.isStopWanted = false;
    this.request = { kind, isAcknowledged: false };
    this.link.rest();
    this.change({ problem: undefined, queue: undefined, isRecovering: false });
  }

  private async resubmit(): Promise<void> {
    const last = this.chat.lastMessage;
    if (last?.role !== 'user') return this.chat.resumeStream();
    this.begin('submit');
    await this.chat.sendMessage({ parts: last.parts, messageId: last.id });
  }

  private acknowledged(kind: 'send' | 'resume'): void {
    if (kind === 'send') {
      this.wasTaken = true;
      if (this.request !== undefined) this.request.isAcknowledged = true;
    }
    this.link.restored();
    this.change({ isRecovering: false, problem: undefined });
    if (this.isStopWanted) {
      this.isStopWanted = false;
      setTimeout(() => void this.stop(), 0);
    }
  }

  private failed(error: Error): void {
    if (this.isClosed) return;
    if (error instanceof SignedOut) return this.onSignedOut();
    const retryAfterMs = error instanceof ApiProblem ? error.retryAfterMs : undefined;
    if (!isNetworkFailure(error) && !this.isNetworkLost && retryAfterMs === undefined) {
      this.link.rest();
      // An error in the replay is the newest turn's own.
      if (this.request === undefined) this.wasTaken = true;
      this.change({ problem: problemOf(error), isRecovering: false });
      return;
    }
    this.change({ isRecovering: true, problem: error instanceof ApiProblem ? error.problem : undefined });
    // The close event, and with it the code, follows the transport's error.
    setTimeout(() => this.planRecovery(retryAfterMs), 30);
  }

  private planRecovery(retryAfterMs: number | undefined): void {
    if (this.isClosed || !this.state.isRecovering) return;
    const code = this.link.lastCloseCode;
    if (isWorthRetrying(code)) return this.link.plan(retryAfterMs);
    this.link.rest();
    const last = this.chat.lastMessage;
    if (last?.metadata?.ending === undefined) this.settle(last?.id, 'interrupted');
    this.change({ isRecovering: false, problem: { detail: 'The server refused this connection.', code: `closed_${code}` } });
  }

  private async recover(): Promise<void> {
    if (this.isClosed) return;
    try {
      if (this.link.needsNewCredential) await this.credentials.renew();
    } catch (error) {
      return this.failed(error instanceof Error ? error : new Error(String(error)));
    }
    if (this.link.isCredentialRefused) return this.onSignedOut();
    const isUnsent = this.request?.kind === 'submit' && !this.request.isAcknowledged;
    if (!isUnsent || this.isStopWanted) return this.chat.resumeStream();
    const last = this.chat.lastMessage;
    if (last?.role !== 'user') return this.chat.resumeStream();
    await this.chat.sendMessage({ parts: last.parts, messageId: last.id });
  }

  private async loadEarlier(serverId: string): Promise<void> {
    this.change({ isLoading: true });
    try {
      const remote = await loadHistory(this.credentials, serverId);
      if (!this.isClosed) this.chat.messages = mergeHistory(this.chat.messages, remote);
    } catch (error) {
      if (error instanceof SignedOut) this.onSignedOut();
      // The local copy is shown; what is running is replayed.
    } finally {
      this.change({ isLoading: false });
    }
  }

  /** Notes how an answer ended, on the message itself, and keeps the conversation. */
  private settle(messageId: string | undefined, ending: Ending): void {
    if (this.isClosed) return;
    this.chat.messages = this.chat.messages.map((message) =>
      message.id === messageId && message.role === 'assistant' ? { ...message, metadata: { ...message.metadata, ending } } : message,
    );
    this.save();
  }

  private readonly save = (): void => {
    if (this.isClosed) return;
    const { id, messages } = this.chat;
    this.serverId =
      messages.findLast((message) => message.metadata?.conversation_id !== undefined)?.metadata?.conversation_id ?? this.serverId;
    this.store.save({ id, serverId: this.serverId, messages });
  };

  private change(change: Partial<ConversationState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}
