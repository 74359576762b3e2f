import { WebSocket } from 'ws';
import type { Answer } from './messages.ts';
import { type ChatClient, now, received, tokensIn } from './received.ts';

interface Frame {
  type: string;
  requestId: string;
  sequence?: number;
  chunk?: { type: string; delta?: string; finishReason?: string; errorText?: string };
  errorText?: string;
}

interface Running {
  answer: Answer;
  requestId: string;
  next: number;
  settle: () => void;
}

/** One chat client that has one question at a time. Checks that the chunks of an answer are numbered from 0 without a gap. */
export class ClientSocket implements ChatClient {
  private running: Running | undefined;
  private closing = false;
  private readonly ws: WebSocket;

  private constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data) => this.received(JSON.parse((data as Buffer).toString()) as Frame));
    ws.on('error', () => undefined);
    ws.on('close', (code) => {
      if (!this.closing) received.lost += 1;
      this.finish(`the socket was closed with ${code}`);
    });
  }

  /**
   * Opens a socket; `from` is the address to call from. The server completes the handshake before it has checked the
   * credential, and reads nothing until then: the socket counts as open when it has answered a ping. Rejects otherwise.
   */
  static open(url: string, headers: Record<string, string>, from: string): Promise<ClientSocket> {
    return new Promise((resolve, reject) => {
      const ws = new WebSocket(url, { headers, localAddress: from, perMessageDeflate: false, handshakeTimeout: 20_000 });
      const refused = (code: number, reason: Buffer) => reject(new Error(`closed with ${code} ${reason.toString()}`));
      ws.once('error', reject);
      ws.once('close', refused);
      ws.once('open', () => ws.ping());
      ws.once('pong', () => {
        ws.off('error', reject);
        ws.off('close', refused);
        resolve(new ClientSocket(ws));
      });
    });
  }

  /** False after the server has closed it. */
  get isOpen(): boolean {
    return this.ws.readyState === WebSocket.OPEN;
  }

  /** Sends a message and waits for the end of its answer, which is an Answer even when it fails. */
  ask(conversation: string, marker: string, text: string, limitMs: number): Promise<Answer> {
    return new Promise((resolve) => {
      const answer: Answer = { marker, text: '', sentAt: now(), firstAt: 0, endedAt: 0, finish: '', error: '' };
      const timer = setTimeout(() => this.finish('the answer took too long'), limitMs);
      const settle = () => {
        clearTimeout(timer);
        resolve(answer);
      };
      this.running = { answer, requestId: marker, next: 0, settle };
      if (!this.isOpen) return this.finish('the socket is closed');
      const messages = [{ id: marker, role: 'user', parts: [{ type: 'text', text }] }];
      this.ws.send(JSON.stringify({ type: 'send', requestId: marker, id: conversation, trigger: 'submit-message', messages }));
    });
  }

  /** Closes the socket; resolves when it is gone. */
  close(): Promise<void> {
    this.closing = true;
    return new Promise((resolve) => {
      if (this.ws.readyState === WebSocket.CLOSED) return resolve();
      this.ws.once('close', () => resolve());
      this.ws.terminate();
    });
  }

  private received(frame: Frame): void {
    const { running } = this;
    if (running === undefined || frame.requestId !== running.requestId) return;
    if (frame.type === 'end') return this.finish('');
    if (frame.type === 'error') return this.finish(frame.errorText ?? 'an error without a text');
    if (frame.type !== 'chunk' || frame.chunk === undefined) return;
    if (frame.sequence !== running.next) return this.finish(`chunk ${frame.sequence} came where ${running.next} was due`);
    running.next += 1;
    const { type, delta, finishReason, errorText } = frame.chunk;
    if (type === 'text-delta' && delta !== undefined) {
      if (running.answer.firstAt === 0) {
        running.answer.firstAt = now();
        received.begun += 1;
      }
      running.answer.text += delta;
      received.tokens += tokensIn(delta);
    } else if (type === 'finish') running.answer.finish = finishReason ?? '';
    else if (type === 'error') running.answer.error = errorText ?? 'an error chunk without a text';
  }

  private finish(error: string): void {
    const { running } = this;
    if (running === undefined) return;
    this.running = undefined;
    running.answer.endedAt = now();
    running.answer.error ||= error;
    running.settle();
  }
}
