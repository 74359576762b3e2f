import { WebSocket } from 'ws';
import { now, received } from './received.ts';
import type { ResumedAnswer } from './messages.ts';

/** Where a reader goes and how patient it is. Times are milliseconds. */
export interface ResumingOptions {
  /** First the replica that will be lost, then the one to resume on. */
  urls: [string, string];
  headers: Record<string, string>;
  /** Address to call from. */
  from: string;
  marker: string;
  text: string;
  /** A reader that has lost its socket waits a random part of this before it connects again. */
  jitterMs: number;
  limitMs: number;
}

interface Frame {
  type: string;
  requestId: string;
  sequence?: number;
  chunk?: {
    type: string;
    delta?: string;
    finishReason?: string;
    errorText?: string;
    messageMetadata?: { turn_id?: string; epoch?: number };
  };
  errorText?: string;
}

/** First wait after a refused connection, in milliseconds; doubles up to the longest, with full jitter. */
const backoffMs = 200;
const longestBackoffMs = 3_200;

/** A client that asks one question and reads its answer to the end, whatever becomes of its sockets: it resumes with its cursor. */
export class ResumingReader {
  private readonly answer: ResumedAnswer;
  private readonly done = Promise.withResolvers<ResumedAnswer>();
  private readonly timer: NodeJS.Timeout;
  private ws: WebSocket | undefined;
  private requestId = '';
  private next = 0;
  private cursor: { turn: string; epoch: number } | undefined;
  private refusals = 0;
  private settled = false;

  private readonly options: ResumingOptions;

  constructor(options: ResumingOptions) {
    this.options = options;
    const { marker } = options;
    this.answer = {
      marker,
      text: '',
      sentAt: 0,
      firstAt: 0,
      endedAt: 0,
      finish: '',
      error: '',
      lostAt: 0,
      resumedAt: 0,
      continuedAt: 0,
      refusals: 0,
    };
    this.timer = setTimeout(() => this.settle('the answer took too long'), options.limitMs);
  }

  /** Asks, reads and resumes; gives the answer, which says what went wrong. */
  run(): Promise<ResumedAnswer> {
    this.connect(this.options.urls[0]);
    return this.done.promise;
  }

  private connect(url: string): void {
    if (this.settled) return;
    const { headers, from } = this.options;
    const ws = new WebSocket(url, { headers, localAddress: from, perMessageDeflate: false, handshakeTimeout: 10_000 });
    this.ws = ws;
    ws.on('error', () => undefined);
    // The server completes the handshake before it has checked the credential: open is who has got an answer.
    ws.once('open', () => ws.ping());
    ws.once('pong', () => this.opened(ws));
    ws.on('message', (data) => this.received(JSON.parse((data as Buffer).toString()) as Frame));
    ws.once('close', () => this.closed());
  }

  private opened(ws: WebSocket): void {
    const { marker, text } = this.options;
    this.refusals = 0;
    if (this.answer.sentAt === 0) {
      this.answer.sentAt = now();
      this.requestId = marker;
      const messages = [{ id: marker, role: 'user', parts: [{ type: 'text', text }] }];
      return ws.send(JSON.stringify({ type: 'send', requestId: marker, id: marker, trigger: 'submit-message', messages }));
    }
    this.requestId = `${marker}-again-${this.answer.refusals}-${this.next}`;
    const { cursor } = this;
    const body = cursor === undefined ? {} : { body: { cursor: `${cursor.turn}:${cursor.epoch}:${this.next - 1}` } };
    ws.send(JSON.stringify({ type: 'resume', requestId: this.requestId, id: marker, ...body }));
  }

  private closed(): void {
    if (this.settled) return;
    if (this.answer.lostAt === 0) this.answer.lostAt = now();
    if (this.answer.sentAt === 0) return this.settle('the first socket did not open');
    const wait = this.refusals === 0 ? this.options.jitterMs : Math.min(longestBackoffMs, backoffMs * 2 ** this.refusals);
    this.refusals += 1;
    if (this.refusals > 1) this.answer.refusals += 1;
    setTimeout(() => this.connect(this.options.urls[1]), Math.random() * wait);
  }

  private received(frame: Frame): void {
    if (this.settled || frame.requestId !== this.requestId) return;
    const { answer } = this;
    if (frame.type === 'start' && answer.lostAt > 0 && answer.resumedAt === 0) answer.resumedAt = now();
    if (frame.type === 'end') return this.settle('');
    if (frame.type === 'no-active') return this.settle('the conversation was not known');
    if (frame.type === 'error') return this.settle(frame.errorText ?? 'an error without a text');
    if (frame.type === 'chunk' && frame.chunk !== undefined) this.chunk(frame.sequence ?? -1, frame.chunk);
  }

  private chunk(sequence: number, chunk: NonNullable<Frame['chunk']>): void {
    const { answer } = this;
    if (sequence === 0 && this.next > 0 && chunk.messageMetadata?.epoch !== this.cursor?.epoch) {
      // Another epoch: the whole answer is replayed.
      this.next = 0;
      answer.text = '';
    }
    if (sequence !== this.next) return this.settle(`chunk ${sequence} came where ${this.next} was due`);
    this.next += 1;
    if (answer.lostAt > 0 && answer.continuedAt === 0) answer.continuedAt = now();
    if (chunk.type === 'start') this.cursor = { turn: chunk.messageMetadata?.turn_id ?? '', epoch: chunk.messageMetadata?.epoch ?? 0 };
    else if (chunk.type === 'reset-step') answer.text = '';
    else if (chunk.type === 'text-delta') {
      if (answer.firstAt === 0) {
        answer.firstAt = now();
        received.begun += 1;
      }
      answer.text += chunk.delta ?? '';
    } else if (chunk.type === 'finish') answer.finish = chunk.finishReason ?? '';
    else if (chunk.type === 'error') answer.error = chunk.errorText ?? 'an error chunk without a text';
  }

  private settle(error: string): void {
    if (this.settled) return;
    this.settled = true;
    clearTimeout(this.timer);
    this.answer.endedAt = now();
    this.answer.error ||= error;
    this.ws?.terminate();
    this.done.resolve(this.answer);
  }
}
