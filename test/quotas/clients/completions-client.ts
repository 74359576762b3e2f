import type { Reply } from '../checker/evidence.ts';
import { type Ask, cutReply, refusalOf } from './ask.ts';

/** Asks as an OpenAI client does, for the whole answer at once. */
export async function askForCompletion(ask: Ask): Promise<Reply> {
  const began = Date.now();
  try {
    const response = await fetch(`${ask.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${ask.apiKey}`, 'idempotency-key': ask.marker },
      body: JSON.stringify({ model: ask.botId, user: ask.visitor, messages: [{ role: 'user', content: ask.text }], ...ask.parameters }),
      signal: ask.giveUp,
    });
    const body = await response.text();
    const ended = Date.now();
    if (response.status === 200) return { began, ended, accepted: true, outcome: 'complete' };
    const refusal = refusalOf(body, response.status, response.headers);
    // An answer that failed, or was cut, is an error here too: whether the message was accepted before, Postgres knows.
    return { began, ended, accepted: false, outcome: response.status >= 500 ? 'failed' : 'refused', refusal };
  } catch {
    return cutReply(began, false);
  }
}
