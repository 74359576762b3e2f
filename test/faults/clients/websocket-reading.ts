import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import type { Chunk } from '../support/history.ts';
import { now, problemOf, type ReadingRequest, silenceMs } from './reading-request.ts';

interface Frame {
  type: string;
  requestId: string;
  sequence?: number;
  chunk?: Chunk;
  errorText?: string;
}

/** Reads over a WebSocket of its own, and records each frame as it comes. Resolves when nothing more will come. */
export function readOverWebSocket(request: ReadingRequest): Promise<void> {
  const { access, reading, conversation, message, cursor, onEvent } = request;
  const requestId = randomUUID();
  const query = new URLSearchParams({ bot_id: access.botId, visitor_id: access.visitorId });
  const ws = new WebSocket(`${access.url.replace('http', 'ws')}/v1/chat?${query.toString()}`, {
    headers: { authorization: `Bearer ${access.apiKey}` },
    perMessageDeflate: false,
    handshakeTimeout: silenceMs,
  });
  return new Promise((resolve) => {
    let over = false;
    let silence = setTimeout(() => leave('silence'), silenceMs);
    const finish = () => {
      if (over) return;
      over = true;
      clearTimeout(silence);
      request.leave.removeEventListener('abort', onLeave);
      ws.terminate();
      resolve();
    };
    const leave = (why: string) => {
      if (!over) onEvent({ at: now(), type: 'cut', why });
      finish();
    };
    const onLeave = () => leave('left');
    request.leave.addEventListener('abort', onLeave);
    ws.on('open', () => {
      const common = { requestId, id: conversation };
      const messages = [{ id: message.id, role: 'user', parts: [{ type: 'text', text: message.text }] }];
      const frame =
        reading.kind === 'send'
          ? { type: 'send', ...common, trigger: 'submit-message', messages }
          : { type: 'resume', ...common, body: cursor === undefined ? {} : { cursor } };
      ws.send(JSON.stringify(frame));
    });
    ws.on('message', (data) => {
      if (over) return;
      clearTimeout(silence);
      silence = setTimeout(() => leave('silence'), silenceMs);
      const frame = JSON.parse((data as Buffer).toString()) as Frame;
      if (frame.requestId !== requestId) return;
      const at = now();
      if (frame.type === 'start') onEvent({ at, type: 'acknowledged' });
      else if (frame.type === 'chunk' && frame.chunk !== undefined && frame.sequence !== undefined)
        onEvent({ at, type: 'chunk', sequence: frame.sequence, json: JSON.stringify(frame.chunk), chunk: frame.chunk });
      else {
        if (frame.type === 'end') onEvent({ at, type: 'end' });
        else if (frame.type === 'no-active') onEvent({ at, type: 'no-active' });
        else onEvent({ at, type: 'refused', ...problemOf(frame.errorText ?? '', 500) });
        finish();
      }
    });
    ws.on('error', () => undefined);
    ws.on('close', (code, reason) => leave(`closed ${code} ${reason.toString()}`));
  });
}
