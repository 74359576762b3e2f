import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the analyzer was asked. */
export interface PresidioQuestion {
  method: string | undefined;
  url: string | undefined;
  contentType: string | undefined;
  body: unknown;
}

/** A Presidio for tests, on a loopback port of its own: keeps what it was asked, and answers as it is told. */
export class PresidioDouble {
  readonly questions: PresidioQuestion[] = [];
  /** Writes the answer; by default: nothing was found. */
  answer: (response: ServerResponse) => void = (response) => this.json(response, []);
  private readonly server = createServer((incoming, response) => void this.take(incoming, response));

  /** Starts one. */
  static async start(): Promise<PresidioDouble> {
    const double = new PresidioDouble();
    await new Promise<void>((resolve) => double.server.listen(0, '127.0.0.1', resolve));
    return double;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Answers with JSON. */
  json(response: ServerResponse, value: unknown, status = 200): void {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  }

  /** Ends all connections. */
  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const { method, url, headers } = incoming;
    this.questions.push({ method, url, contentType: headers['content-type'], body: JSON.parse(Buffer.concat(parts).toString()) });
    this.answer(response);
  }
}
