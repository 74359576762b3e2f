import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { countPromptTokens, readMessage, WireMessage } from '../../src/apps/demo-model/messages.ts';

/** Tokens of the whole answer. */
export const wholeTokens = 30;

/** What the hostile server did for one request that it answered itself. */
export interface HostileCall {
  promptTokens: number;
  tokensServed: number;
  /** 0 where it gave none. */
  status: number;
}

/** A request on its bare socket, to be answered in any wrong way. */
export class HostileExchange {
  readonly call: HostileCall;
  /** Tokens of the answer that the request gave already: it asks to go on after them. */
  readonly given: number;

  constructor(
    readonly socket: Socket,
    body: string,
  ) {
    const { messages, continue_final_message } = JSON.parse(body) as { messages: { content: string }[]; continue_final_message?: boolean };
    this.given = continue_final_message === true ? (messages.at(-1)?.content.split(' ').length ?? 0) : 0;
    const promptTokens = countPromptTokens(messages.map((message) => readMessage(WireMessage.parse(message))));
    this.call = { promptTokens, tokensServed: 0, status: 0 };
  }

  /** Writes anything. */
  write(bytes: string | Uint8Array): this {
    if (this.socket.writable) this.socket.write(bytes);
    return this;
  }

  /** Begins an answer whose body ends with the connection, unless the headers say otherwise. */
  head(status = 200, headers: Record<string, string> = {}): this {
    this.call.status = status;
    const lines = Object.entries({ 'content-type': 'text/event-stream', connection: 'close', ...headers });
    return this.write(`HTTP/1.1 ${status} Scripted\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
  }

  /** One event of these fields. */
  event(fields: object): this {
    return this.write(`data: ${JSON.stringify(fields)}\n\n`);
  }

  /** The numbered tokens of what is left of the answer, from `from` to before `to`, one event each. */
  tokens(from: number, to: number): this {
    for (let at = this.given + from; at < Math.min(this.given + to, wholeTokens); at += 1) this.text(at === 0 ? 't0' : ` t${at}`);
    return this;
  }

  /** One piece of text, counted as one token. */
  text(content: unknown): this {
    this.call.tokensServed += 1;
    return this.event({ choices: [{ index: 0, delta: { content } }] });
  }

  finish(finish_reason: string): this {
    return this.event({ choices: [{ index: 0, delta: {}, finish_reason }] });
  }

  usage(prompt_tokens: unknown, completion_tokens: unknown): this {
    return this.event({ choices: [], usage: { prompt_tokens, completion_tokens } });
  }

  done(): void {
    this.write('data: [DONE]\n\n');
    this.socket.end();
  }

  /** Does `step` every `ms` milliseconds until the other side is gone. */
  every(ms: number, step: () => void): void {
    const timer = setInterval(step, ms);
    this.socket.once('close', () => clearInterval(timer));
  }
}

/** What is done to a request. */
export type Hostility = (exchange: HostileExchange) => void;

/**
 * A server that breaks HTTP and the event stream in ways that a model server on top of an HTTP library cannot. The first `times` requests
 * get the hostility; all other connections are passed on to `honest`.
 */
export class HostileServer {
  readonly calls: HostileCall[] = [];
  private readonly open = new Set<Socket>();
  private readonly hostileOpen = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly honest: string,
    private readonly hostility: Hostility,
    private left: number,
  ) {}

  static async start(honest: string, hostility: Hostility, times: number): Promise<HostileServer> {
    const server = createServer();
    const hostile = new HostileServer(server, honest, hostility, times);
    server.on('connection', (socket) => hostile.accept(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return hostile;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Connections of hostile answers that are still open. */
  get active(): number {
    return this.hostileOpen.size;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const socket of this.open) socket.destroy();
    await closed;
  }

  private accept(socket: Socket): void {
    this.open.add(socket);
    socket.on('error', () => undefined).once('close', () => this.open.delete(socket));
    if (this.left <= 0) return this.passOn(socket);
    this.left -= 1;
    this.hostileOpen.add(socket);
    socket.once('close', () => this.hostileOpen.delete(socket));
    let request = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      request += text;
      const [head = '', body] = request.split('\r\n\r\n', 2);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
      if (body === undefined || Buffer.byteLength(body) < length) return;
      request = '';
      const exchange = new HostileExchange(socket, body);
      this.calls.push(exchange.call);
      this.hostility(exchange);
    });
  }

  private passOn(socket: Socket): void {
    const upstream = connect(Number(new URL(this.honest).port), '127.0.0.1');
    upstream.on('error', () => socket.destroy()).once('close', () => socket.destroy());
    socket.once('close', () => upstream.destroy());
    socket.pipe(upstream).pipe(socket);
  }
}
