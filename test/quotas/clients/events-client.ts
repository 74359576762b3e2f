import type { Reply } from '../checker/evidence.ts';
import { type Ask, cutReply, refusalOf } from './ask.ts';

/** Asks over HTTP and reads the AI SDK's UI message stream; stops the answer by the route for it. */
export async function askForEvents(ask: Ask): Promise<Reply> {
  const began = Date.now();
  let accepted = false;
  try {
    const response = await post(ask, '/v1/chat', {
      id: ask.conversation,
      bot_id: ask.botId,
      visitor_id: ask.visitor,
      messages: [{ id: ask.marker, role: 'user', parts: [{ type: 'text', text: ask.text }] }],
    });
    if (response.status !== 200) {
      const refusal = refusalOf(await response.text(), response.status, response.headers);
      return { began, ended: Date.now(), accepted, outcome: 'refused', refusal };
    }
    accepted = true;
    const outcome = await readEvents(response, ask);
    return { began, ended: Date.now(), accepted, outcome };
  } catch {
    return cutReply(began, accepted);
  }
}

async function readEvents(response: Response, ask: Ask): Promise<Reply['outcome']> {
  let pieces = 0;
  let outcome: Reply['outcome'] = 'cut';
  let rest = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    const blocks = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const json = /^data: (\{.*)$/m.exec(block)?.[1];
      if (json === undefined) continue;
      const chunk = JSON.parse(json) as { type: string; finishReason?: string };
      if (chunk.type === 'error') outcome = 'failed';
      else if (chunk.type === 'finish') outcome = chunk.finishReason === 'interrupted' ? 'stopped' : 'complete';
      else if (chunk.type === 'text-delta' && (pieces += 1) === ask.stopAfter) await stop(ask);
    }
  }
  return outcome;
}

async function stop(ask: Ask): Promise<void> {
  const query = new URLSearchParams({ bot_id: ask.botId, visitor_id: ask.visitor });
  const response = await post(ask, `/v1/chat/${encodeURIComponent(ask.conversation)}/stop?${query.toString()}`, undefined);
  await response.arrayBuffer();
}

function post(ask: Ask, path: string, body: object | undefined): Promise<Response> {
  return fetch(ask.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${ask.apiKey}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: ask.giveUp,
  });
}
