import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import type { Chunk } from '../support/history.ts';
import { now, problemOf, type ReadingRequest, silenceMs } from './reading-request.ts';

/** Reads server-sent events on a connection of its own, and records each as it comes. Resolves when nothing more will come. */
export function readOverSse(request: ReadingRequest): Promise<void> {
  const { onEvent } = request;
  return new Promise((resolve) => {
    let over = false;
    const http = begin(request);
    const finish = () => {
      if (over) return;
      over = true;
      request.leave.removeEventListener('abort', onLeave);
      http.destroy();
      resolve();
    };
    const leave = (why: string) => {
      if (!over) onEvent({ at: now(), type: 'cut', why });
      finish();
    };
    const onLeave = () => leave('left');
    request.leave.addEventListener('abort', onLeave);
    http.setTimeout(silenceMs, () => leave('silence'));
    http.on('error', (error: NodeJS.ErrnoException) => leave(error.code ?? 'error'));
    http.on('response', (response) => {
      response.on('error', (error: NodeJS.ErrnoException) => leave(error.code ?? 'error'));
      response.on('close', () => leave('closed'));
      const { statusCode: status = 0 } = response;
      if (status === 204) {
        onEvent({ at: now(), type: 'no-active' });
        finish();
      } else if (status !== 200) {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body = (body + text).slice(0, 10_000)));
        response.on('end', () => {
          onEvent({ at: now(), type: 'refused', ...problemOf(body, status), status });
          finish();
        });
      } else {
        onEvent({ at: now(), type: 'acknowledged' });
        readEvents(response, request, () => over);
        // A clean end is what clients take for completion, with or without the last line.
        response.on('end', () => {
          if (!over) onEvent({ at: now(), type: 'end' });
          finish();
        });
      }
    });
  });
}

function begin({ access, reading, conversation, message, cursor }: ReadingRequest): ClientRequest {
  const headers: Record<string, string> = { authorization: `Bearer ${access.apiKey}`, connection: 'close' };
  if (reading.kind === 'resume') {
    const query = new URLSearchParams({ bot_id: access.botId, visitor_id: access.visitorId });
    if (cursor !== undefined) headers['last-event-id'] = cursor;
    const path = `/v1/chat/${encodeURIComponent(conversation)}/stream?${query.toString()}`;
    return httpRequest(access.url + path, { headers, agent: false }).end();
  }
  const body = JSON.stringify({
    id: conversation,
    bot_id: access.botId,
    visitor_id: access.visitorId,
    trigger: 'submit-message',
    messages: [{ id: message.id, role: 'user', parts: [{ type: 'text', text: message.text }] }],
  });
  headers['content-type'] = 'application/json';
  return httpRequest(`${access.url}/v1/chat`, { method: 'POST', headers, agent: false }).end(body);
}

function readEvents(response: IncomingMessage, { onEvent }: ReadingRequest, over: () => boolean): void {
  let rest = '';
  response.setEncoding('utf8').on('data', (text: string) => {
    const blocks = (rest + text).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const found = /^id: (\S+):(\d+)\ndata: (.*)$/.exec(block);
      if (found === null || over()) continue;
      const [, log = '', sequence, json = ''] = found;
      onEvent({ at: now(), type: 'chunk', sequence: Number(sequence), json, chunk: JSON.parse(json) as Chunk, log });
    }
  });
}
