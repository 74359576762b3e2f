import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Script } from '../../src/apps/demo-model/script.ts';
import type { RunningDemoModel } from '../../src/apps/demo-model/server.ts';
import { MessagesServer } from '../support/messages-server.ts';

interface Message {
  role: string;
  content: string;
}

interface Queued {
  match: string;
  scripts: Script[];
}

/** The only key that it takes. */
export const messagesKey = 'right';

/**
 * A server of Anthropic's wire that is scripted call after call as the demo model is: it stands before a `MessagesServer`, and puts the
 * next script as a directive into the newest message of the user.
 */
export class MessagesFront {
  private readonly queued: Queued[] = [];

  private constructor(
    private readonly server: Server,
    private readonly behind: MessagesServer,
  ) {}

  static async start(): Promise<MessagesFront> {
    const server = createServer();
    const front = new MessagesFront(server, await MessagesServer.start(messagesKey));
    server.on('request', (req, res) => void front.passOn(req, res));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return front;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** What `meet` asks of a demo model, of this one. */
  asDemoModel(): RunningDemoModel {
    const { behind, queued } = this;
    const seen = (match: string) =>
      behind.seen
        .map((each, at) => ({ ...each, at, lastUser: newestOf(each.body.messages) }))
        .filter((each) => each.lastUser.includes(match));
    const asked = {
      url: this.url,
      scripts: { add: (given: Queued) => void queued.push({ ...given, scripts: [...given.scripts] }) },
      witness: {
        running: () => seen('').flatMap(({ outcome, lastUser }) => (outcome === 'running' ? [{ last_user: lastUser }] : [])),
        entries: ({ match }: { match: string }) => ({
          entries: seen(match).map(({ at, status, inputTokens, tokensServed }) => ({
            ...{ started_at: String(at).padStart(9, '0'), status, prompt_tokens: inputTokens, tokens_served: tokensServed },
          })),
        }),
      },
    };
    // Only this much of one is looked at.
    return asked as unknown as RunningDemoModel;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    await closed;
    await this.behind.close();
  }

  /** Passes a request on with its script, and the answer back as it comes: its end, and how it breaks off, included. */
  private async passOn(req: IncomingMessage, res: ServerResponse): Promise<void> {
    let text = '';
    for await (const part of req.setEncoding('utf8') as AsyncIterable<string>) text += part;
    const body = this.scripted(text);
    const headers = { ...req.headers, 'content-length': String(Buffer.byteLength(body)) };
    const upstream = request(`${this.behind.url}${req.url ?? ''}`, { method: req.method ?? 'POST', headers, agent: false }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers).flushHeaders();
      answer.pipe(res);
      answer.once('close', () => {
        if (!answer.complete) res.destroy();
      });
    });
    upstream.on('error', () => res.destroy());
    res.on('error', () => undefined).once('close', () => upstream.destroy());
    upstream.end(body);
  }

  private scripted(text: string): string {
    const body = JSON.parse(text) as { messages: Message[] };
    const newest = body.messages.findLast(({ role }) => role === 'user');
    const script = this.queued.find(({ match }) => newest?.content.includes(match) === true)?.scripts.shift();
    if (newest !== undefined && script !== undefined) newest.content += ` [[demo: ${JSON.stringify(script)}]]`;
    return JSON.stringify(body);
  }
}

function newestOf(messages: Message[] = []): string {
  return messages.findLast(({ role }) => role === 'user')?.content ?? '';
}
