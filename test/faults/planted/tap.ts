import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

/** A frame on its way through a tap. */
export interface TappedFrame {
  type: string;
  requestId?: string;
  sequence?: number;
  chunk?: { type: string; delta?: string; finishReason?: string; messageMetadata?: { status?: string } };
}

/** What a tap does to one socket's frames. */
export interface Mutation {
  /** Frames to send to the client instead of this one from the server. */
  fromServer: (frame: TappedFrame) => TappedFrame[];
  /** Whether a frame of the client reaches the server; what it gives is sent to the client. */
  fromClient?: (frame: TappedFrame) => { forward: boolean; answer: TappedFrame[]; close: boolean };
}

/** A man in the middle of a WebSocket, who plants a bug into real frames of a real server. */
export class Tap {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  private readonly close_: () => Promise<void>;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.close_ = close;
  }

  /** Listens on a free port before `upstream`; `mutation` makes one state for each socket. */
  static async start(upstream: string, mutation: () => Mutation): Promise<Tap> {
    const http = createServer((_, response) => void response.writeHead(404).end());
    const server = new WebSocketServer({ server: http, perMessageDeflate: false });
    server.on('connection', (client, request) => {
      const headers = { authorization: request.headers.authorization ?? '' };
      join(client, new WebSocket(`${upstream.replace('http', 'ws')}${request.url}`, { headers, perMessageDeflate: false }), mutation());
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const close = async () => {
      for (const client of server.clients) client.terminate();
      server.close();
      http.closeAllConnections();
      const closed = once(http, 'close');
      http.close();
      await closed;
    };
    return new Tap(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, close);
  }

  /** Ends all its sockets. */
  close(): Promise<void> {
    return this.close_();
  }
}

function join(client: WebSocket, server: WebSocket, { fromServer, fromClient }: Mutation): void {
  const early: string[] = [];
  const toClient = (frames: TappedFrame[]) => {
    for (const frame of frames) client.send(JSON.stringify(frame));
  };
  client.on('message', (data) => {
    const text = (data as Buffer).toString();
    const verdict = fromClient?.(JSON.parse(text) as TappedFrame) ?? { forward: true, answer: [], close: false };
    toClient(verdict.answer);
    if (verdict.close) client.close(1012);
    else if (verdict.forward) {
      if (server.readyState === WebSocket.OPEN) server.send(text);
      else early.push(text);
    }
  });
  server.on('open', () => early.forEach((text) => server.send(text)));
  server.on('message', (data) => toClient(fromServer(JSON.parse((data as Buffer).toString()) as TappedFrame)));
  // A cut stays a cut: nobody is told of an end that was none.
  for (const [side, other] of [
    [client, server],
    [server, client],
  ] as const) {
    side.on('error', () => undefined);
    side.on('close', () => other.terminate());
  }
}
