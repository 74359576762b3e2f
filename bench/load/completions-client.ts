import { Client } from 'undici';
import type { Answer } from './messages.ts';
import { type ChatClient, now, received, tokensIn } from './received.ts';

/** Where completions are asked for. */
export interface CompletionsOptions {
  /** Of the chat completions themselves. */
  url: string;
  headers: Record<string, string>;
  model: string;
  /** End user that the requests name; '' names none. */
  user: string;
}

interface Event {
  choices?: { delta?: { content?: string | null }; finish_reason?: string | null }[];
  error?: { message?: string };
}

/** Longest wait for a connection, in milliseconds. */
const connectMs = 20_000;

/** A client of OpenAI's streamed chat completions, with a connection of its own. Only an answer with its `[DONE]` is complete. */
export class CompletionsClient implements ChatClient {
  readonly isOpen = true;
  private readonly client: Client;
  private readonly path: string;
  private readonly options: CompletionsOptions;

  private constructor(client: Client, path: string, options: CompletionsOptions) {
    this.client = client;
    this.path = path;
    this.options = options;
  }

  /** Connects: asks for something that costs nothing, whatever the answer. Rejects when there is none. */
  static async open(options: CompletionsOptions): Promise<CompletionsClient> {
    const { origin, pathname } = new URL(options.url);
    const client = new Client(origin, { connect: { timeout: connectMs }, bodyTimeout: 0 });
    const { body } = await client.request({ method: 'GET', path: '/livez', signal: AbortSignal.timeout(connectMs) });
    await body.dump();
    return new CompletionsClient(client, pathname, options);
  }

  async ask(conversation: string, marker: string, text: string, limitMs: number): Promise<Answer> {
    const { headers, model, user } = this.options;
    const body = JSON.stringify({
      model,
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: 'user', content: text }],
      ...(user === '' ? {} : { user, metadata: { conversation } }),
    });
    const answer: Answer = { marker, text: '', sentAt: now(), firstAt: 0, endedAt: 0, finish: '', error: '' };
    try {
      const response = await this.client.request({
        method: 'POST',
        path: this.path,
        headers: { ...headers, 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(limitMs),
      });
      if (response.statusCode === 200) await readEvents(response.body.setEncoding('utf8'), answer);
      else answer.error = `refused with ${response.statusCode}: ${(await response.body.text()).slice(0, 200)}`;
    } catch (error) {
      answer.error ||= error instanceof Error ? error.message : String(error);
    }
    answer.endedAt = now();
    return answer;
  }

  close(): Promise<void> {
    return this.client.destroy();
  }
}

type Body = Awaited<ReturnType<Client['request']>>['body'];

function readEvents(body: Body, answer: Answer): Promise<void> {
  let rest = '';
  let done = false;
  return new Promise((resolve, reject) => {
    body.on('data', (piece: string) => {
      const events = (rest + piece).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) {
        if (event === 'data: [DONE]') done = true;
        else if (event.startsWith('data: ')) read(JSON.parse(event.slice(6)) as Event, answer);
      }
    });
    body.once('end', () => {
      if (!done) answer.error ||= 'the stream ended without [DONE]';
      resolve();
    });
    body.once('error', reject);
  });
}

function read({ choices, error }: Event, answer: Answer): void {
  if (error !== undefined) answer.error ||= error.message ?? 'an error event without a message';
  const choice = choices?.[0];
  const content = choice?.delta?.content;
  if (content) {
    if (answer.firstAt === 0) {
      answer.firstAt = now();
      received.begun += 1;
    }
    answer.text += content;
    received.tokens += tokensIn(content);
  }
  if (choice?.finish_reason) answer.finish = choice.finish_reason;
}
