/*
 * The limit: a plain `ws` server that streams a model's answer to its socket with undici and nothing else. No authentication,
 * no storage, no batches: one frame for each token, in the same frames as the server, so that the load costs the same.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';
import { type WebSocket, WebSocketServer } from 'ws';

interface Send {
  requestId: string;
  messages: { parts: { text: string }[] }[];
}

interface Event {
  choices: { delta: { content?: string | null }; finish_reason?: string | null }[];
}

const url = `${process.env['OPENAI_BASE_URL']}/chat/completions`;
const model = process.env['MODEL_DEFAULT'];
const agent = new Agent({ connections: 4_096, bodyTimeout: 0 });

async function relay(socket: WebSocket, send: Send): Promise<void> {
  const { requestId } = send;
  const text = send.messages.at(-1)?.parts[0]?.text ?? '';
  socket.send(JSON.stringify({ type: 'start', requestId }));
  const body = JSON.stringify({
    model,
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: 1_024,
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: text },
    ],
  });
  const answer = await request(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body, dispatcher: agent });
  let sequence = 0;
  let rest = '';
  const write = (chunk: object) => {
    socket.send(JSON.stringify({ type: 'chunk', requestId, sequence, chunk }));
    sequence += 1;
  };
  answer.body.setEncoding('utf8');
  await new Promise<void>((resolve, reject) => {
    answer.body.on('data', (piece: string) => {
      const events = (rest + piece).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) {
        if (event === 'data: [DONE]') continue;
        const choice = (JSON.parse(event.slice(6)) as Event).choices[0];
        if (choice?.delta.content) write({ type: 'text-delta', id: 'text', delta: choice.delta.content });
        if (choice?.finish_reason) write({ type: 'finish', finishReason: choice.finish_reason });
      }
    });
    answer.body.once('end', resolve);
    answer.body.once('error', reject);
  });
  socket.send(JSON.stringify({ type: 'end', requestId }));
}

const server = createServer();
const sockets = new WebSocketServer({ server, clientTracking: false, perMessageDeflate: false });
sockets.on('connection', (socket) => {
  socket.on('error', () => socket.terminate());
  socket.on('message', (data) => {
    const send = JSON.parse((data as Buffer).toString()) as Send;
    relay(socket, send).catch((error: unknown) =>
      socket.send(JSON.stringify({ type: 'error', requestId: send.requestId, errorText: String(error) })),
    );
  });
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
