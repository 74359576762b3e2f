import type { Chunk } from '../../src/modules/chat/stream/chunks.ts';
import type { TestTenant } from './stack.ts';

/** One event of an answer. */
export interface AnswerEvent {
  /** `turn:epoch:sequence`. */
  cursor: string;
  sequence: number;
  chunk: Chunk;
}

/** What to send. */
export interface Sending {
  conversation: string;
  text?: string;
  messageId?: string;
  trigger?: 'submit-message' | 'regenerate-message';
  /** The AI SDK's `messageId`: what is edited or regenerated. */
  target?: string;
}

/** An answer that is read as server-sent events. */
export class AnswerStream implements AsyncIterable<AnswerEvent> {
  readonly events: AnswerEvent[] = [];
  /** True when the stream ended with [DONE]; a cut stream throws while it is read. */
  done = false;
  private source: AsyncGenerator<AnswerEvent, void> | undefined;

  constructor(readonly response: Response) {}

  /** Text so far, as a client would show it. */
  get text(): string {
    return shownText(this.events.map(({ chunk }) => chunk));
  }

  /** The last chunk so far. */
  get last(): Chunk | undefined {
    return this.events.at(-1)?.chunk;
  }

  /** Leaving a loop leaves the stream open: the next one goes on where it was. */
  [Symbol.asyncIterator](): AsyncIterator<AnswerEvent> {
    this.source ??= this.read();
    const { source } = this;
    return { next: () => source.next() };
  }

  private async *read(): AsyncGenerator<AnswerEvent, void> {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const piece of this.response.body ?? []) {
      const blocks = (rest + decoder.decode(piece as Uint8Array, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const event = this.parse(block);
        if (event !== undefined) {
          this.events.push(event);
          yield event;
        }
      }
    }
  }

  /** Reads to the end. */
  async finished(): Promise<this> {
    for await (const event of this) void event;
    return this;
  }

  private parse(block: string): AnswerEvent | undefined {
    const cursor = /^id: (.*)$/m.exec(block)?.[1];
    const data = /^data: (.*)$/m.exec(block)?.[1];
    if (data === '[DONE]') this.done = true;
    if (cursor === undefined || data === undefined) return undefined;
    return { cursor, sequence: Number(cursor.split(':')[2]), chunk: JSON.parse(data) as Chunk };
  }
}

/** The text that a client shows after these chunks: a restart takes back what was there. */
export function shownText(chunks: Chunk[]): string {
  let text = '';
  for (const chunk of chunks) {
    if (chunk.type === 'text-delta') text += chunk.delta;
    else if (chunk.type === 'reset-step') text = '';
  }
  return text;
}

/** Sends a message over HTTP and gives its answer stream. */
export async function send(url: string, tenant: TestTenant, sending: Sending): Promise<AnswerStream> {
  const { conversation, text = 'Hello', messageId = `message-${crypto.randomUUID()}`, trigger = 'submit-message', target } = sending;
  const response = await fetch(`${url}/v1/chat`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tenant.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      id: conversation,
      bot_id: tenant.botId,
      trigger,
      messageId: target,
      messages: [{ id: messageId, role: 'user', parts: [{ type: 'text', text }] }],
    }),
  });
  if (response.status !== 200)
    throw Object.assign(new Error(`send: ${response.status}`), { status: response.status, body: await response.json() });
  return new AnswerStream(response);
}

/** Follows the newest answer of a conversation, after a cursor or from the start. Undefined when there is none. */
export async function resume(url: string, tenant: TestTenant, conversation: string, cursor?: string): Promise<AnswerStream | undefined> {
  const response = await fetch(`${url}/v1/chat/${conversation}/stream?bot_id=${tenant.botId}`, {
    headers: { authorization: `Bearer ${tenant.apiKey}`, ...(cursor === undefined ? {} : { 'last-event-id': cursor }) },
  });
  if (response.status === 204) return undefined;
  if (response.status !== 200) throw Object.assign(new Error(`resume: ${response.status}`), { status: response.status });
  return new AnswerStream(response);
}

/** The words of an answer that the demo model counts out: `t0 t1 …`. */
export function counted(tokens: number): string {
  return Array.from({ length: tokens }, (_, at) => `t${at}`).join(' ');
}

/** A message that makes the demo model behave so. */
export function scripted(script: object, text = 'Go'): string {
  return `${text} [[demo: ${JSON.stringify(script)}]]`;
}
