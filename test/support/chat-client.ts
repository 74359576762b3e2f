import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';

/** How long anything may take that a test waits for, in milliseconds. */
const patienceMs = 20_000;

/** A server frame, as received. */
export interface Frame {
  type: string;
  requestId: string;
  sequence?: number;
  chunk?: any;
  errorText?: string;
}

/** How a socket ended. */
export interface Closed {
  code: number;
  reason: string;
}

/** One request's chunks, checked. */
export interface ReadAnswer {
  /** Each chunk as JSON, in order. */
  chunks: string[];
  /** What a reader shows: the text after the last `reset-step`. */
  text: string;
  finishReason: string | undefined;
  /** `turn:epoch:` of the answer; a sequence number completes it to a cursor. Empty when the start was not among the chunks. */
  cursorPrefix: string;
  /** Number of the last chunk. */
  last: number;
}

/** A user message in the AI SDK's shape. */
export function userMessage(text: string, id: string = randomUUID()) {
  return { id, role: 'user' as const, parts: [{ type: 'text' as const, text }] };
}

/** A raw chat client: keeps all frames, and lets a test wait for the one that it needs. */
export class ChatClient {
  readonly frames: Frame[] = [];
  /** Resolves when the socket has closed. */
  readonly closed: Promise<Closed>;
  private readonly waiting = new Set<() => void>();
  private end: Closed | undefined;

  constructor(
    readonly ws: WebSocket,
    keep = true,
  ) {
    // Some tests end sockets in ways that are errors to `ws`; what counts is how they close.
    ws.on('error', () => undefined);
    if (keep) ws.on('message', (data) => this.received(JSON.parse((data as Buffer).toString()) as Frame));
    this.closed = new Promise((resolve) => {
      ws.once('close', (code, reason) => {
        this.end = { code, reason: reason.toString() };
        resolve(this.end);
        this.wake();
      });
    });
  }

  /** Sends a frame. */
  send(frame: object): void {
    this.ws.send(JSON.stringify(frame));
  }

  /** Sends a user message; gives the request id. */
  ask(conversation: string, text: string, more: { messageId?: string; frame?: object; requestId?: string } = {}): string {
    const requestId = more.requestId ?? randomUUID();
    const messages = [userMessage(text, more.messageId)];
    this.send({ type: 'send', requestId, id: conversation, trigger: 'submit-message', messages, headers: {}, body: {}, ...more.frame });
    return requestId;
  }

  /** Resumes the conversation's newest turn; gives the request id. */
  resume(conversation: string, cursor?: string): string {
    const requestId = randomUUID();
    this.send({ type: 'resume', requestId, id: conversation, headers: {}, body: cursor === undefined ? {} : { cursor } });
    return requestId;
  }

  /** Aborts a request. */
  abort(requestId: string): void {
    this.send({ type: 'abort', requestId });
  }

  /** The first frame that fits, already here or still to come. */
  until(what: string, fits: (frame: Frame) => boolean): Promise<Frame> {
    return this.waitFor(what, () => this.frames.find(fits));
  }

  /** Waits for a request's end; gives its last frame. */
  ended(requestId: string): Promise<Frame> {
    const last = new Set(['end', 'error', 'no-active']);
    return this.until(`the end of ${requestId}`, (frame) => frame.requestId === requestId && last.has(frame.type));
  }

  /** Waits until a request has shown at least `length` characters of text. */
  async shows(requestId: string, length: number): Promise<void> {
    await this.waitFor(`${length} characters`, () => (textOf(chunksOf(this.frames, requestId)).length >= length ? true : undefined));
  }

  /** Waits for a request's `end`, and reads its answer. */
  async answer(requestId: string): Promise<ReadAnswer> {
    expect(await this.ended(requestId)).toEqual({ type: 'end', requestId });
    return this.read(requestId);
  }

  /** The error body of a refused request. */
  async problem(requestId: string): Promise<any> {
    const frame = await this.ended(requestId);
    expect(frame.type).toBe('error');
    return JSON.parse(frame.errorText ?? '');
  }

  /** A request's chunks so far: each once, in order, without a gap, from `from` on (P3). */
  read(requestId: string, from = 0): ReadAnswer {
    const own = this.frames.filter((frame) => frame.requestId === requestId);
    expect(own[0]).toEqual({ type: 'start', requestId });
    const chunks = own.filter(({ type }) => type === 'chunk');
    expect(chunks.map(({ sequence }) => sequence)).toEqual(chunks.map((_, at) => from + at));
    return readChunks(
      chunks.map(({ chunk }) => chunk),
      from,
    );
  }

  /** Closes politely. */
  close(): Promise<Closed> {
    this.ws.close(1000);
    return this.closed;
  }

  private received(frame: Frame): void {
    this.frames.push(frame);
    this.wake();
  }

  private wake(): void {
    for (const look of this.waiting) look();
  }

  private waitFor<T>(what: string, find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error, value?: T) => {
        clearTimeout(timer);
        this.waiting.delete(look);
        if (error === undefined) resolve(value as T);
        else reject(error);
      };
      const seen = () => JSON.stringify(this.frames.slice(-5)).slice(0, 2_000);
      const timer = setTimeout(() => settle(new Error(`no ${what}; last frames: ${seen()}`)), patienceMs);
      const look = () => {
        const found = find();
        if (found !== undefined) settle(undefined, found);
        else if (this.end !== undefined) settle(new Error(`closed with ${JSON.stringify(this.end)} before ${what}; ${seen()}`));
      };
      this.waiting.add(look);
      look();
    });
  }
}

/** Opens a socket. Resolves once the handshake is complete, even if the server is about to close it. */
export async function openChat(
  url: string,
  options: ClientOptions & { protocols?: string[]; keep?: boolean; credential?: string } = {},
): Promise<ChatClient> {
  const { protocols = [], keep, credential, ...rest } = options;
  const headers = { ...rest.headers, ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }) };
  const ws = new WebSocket(url, protocols, { ...rest, headers });
  const client = new ChatClient(ws, keep);
  await new Promise<void>((resolve, reject) => {
    ws.once('open', resolve);
    ws.once('error', reject);
  });
  return client;
}

/** Reads chunks as a client shows them. */
export function readChunks(chunks: any[], from = 0): ReadAnswer {
  const start = chunks.find(({ type }) => type === 'start')?.messageMetadata;
  return {
    chunks: chunks.map((chunk) => JSON.stringify(chunk)),
    text: textOf(chunks),
    finishReason: chunks.find(({ type }) => type === 'finish')?.finishReason,
    cursorPrefix: start === undefined ? '' : `${start.turn_id}:${start.epoch}:`,
    last: from + chunks.length - 1,
  };
}

function chunksOf(frames: Frame[], requestId: string): any[] {
  return frames.filter((frame) => frame.type === 'chunk' && frame.requestId === requestId).map(({ chunk }) => chunk);
}

function textOf(chunks: any[]): string {
  let text = '';
  for (const chunk of chunks) {
    if (chunk.type === 'reset-step') text = '';
    else if (chunk.type === 'text-delta') text += chunk.delta;
  }
  return text;
}
