import { WebSocket } from 'ws';
import type { Reply } from '../checker/evidence.ts';
import { type Ask, refusalOf } from './ask.ts';

interface Frame {
  type: string;
  requestId: string;
  chunk?: { type: string; finishReason?: string };
  errorText?: string;
}

/** Asks over a WebSocket of its own; stops the answer with an `abort` frame. */
export function askOverSocket(ask: Ask): Promise<Reply> {
  const began = Date.now();
  const query = new URLSearchParams({ bot_id: ask.botId, visitor_id: ask.visitor });
  const ws = new WebSocket(`${ask.url.replace('http', 'ws')}/v1/chat?${query.toString()}`, {
    headers: { authorization: `Bearer ${ask.apiKey}` },
    perMessageDeflate: false,
  });
  const requestId = ask.marker;
  return new Promise((resolve) => {
    let pieces = 0;
    let outcome: Reply['outcome'] = 'cut';
    const reply: Reply = { began, ended: began, accepted: false, outcome };
    const finish = () => {
      ask.giveUp.removeEventListener('abort', finish);
      ws.terminate();
      resolve({ ...reply, ended: Date.now(), outcome });
    };
    ask.giveUp.addEventListener('abort', finish);
    if (ask.giveUp.aborted) finish();
    ws.on('open', () => {
      const messages = [{ id: ask.marker, role: 'user', parts: [{ type: 'text', text: ask.text }] }];
      ws.send(JSON.stringify({ type: 'send', requestId, id: ask.conversation, trigger: 'submit-message', messages }));
    });
    ws.on('message', (data) => {
      const frame = JSON.parse((data as Buffer).toString()) as Frame;
      if (frame.requestId !== requestId) return;
      if (frame.type === 'start') reply.accepted = true;
      else if (frame.type === 'end') finish();
      else if (frame.type === 'error') {
        outcome = 'refused';
        reply.refusal = refusalOf(frame.errorText ?? '', 500);
        finish();
      } else if (frame.chunk?.type === 'error') outcome = 'failed';
      else if (frame.chunk?.type === 'finish') outcome = frame.chunk.finishReason === 'interrupted' ? 'stopped' : 'complete';
      else if (frame.chunk?.type === 'text-delta' && (pieces += 1) === ask.stopAfter) {
        // The abort is not answered with an end: the transport has closed its side.
        outcome = 'stopped';
        ws.send(JSON.stringify({ type: 'abort', requestId }), () => setTimeout(finish, 100));
      }
    });
    ws.on('error', () => undefined);
    ws.on('close', finish);
  });
}
