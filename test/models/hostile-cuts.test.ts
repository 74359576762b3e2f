import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningDemoModel, startDemoModel } from '../../src/apps/demo-model/server.ts';
import { ModelError } from '../../src/modules/models/model-provider.ts';
import { OpenAiProvider } from '../../src/modules/models/openai/openai-provider.ts';
import { HostileServer, type Hostility } from '../support/hostile-server.ts';

/** P8 and P9 at the seams of the provider's own reader: cut anywhere, and too much of everything. */

let demo: RunningDemoModel;
beforeAll(async () => {
  demo = await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 0 });
});
afterAll(() => demo.close());

/** Asks once; gives the text and how it ended. */
async function askOnce(provider: OpenAiProvider, content: string, maxOutputTokens = 100) {
  let text = '';
  const signal = new AbortController().signal;
  const messages = [{ role: 'user' as const, content }];
  const ended = await provider
    .stream({ model: 'demo-small', messages, maxOutputTokens, signal, deadlineAt: Date.now() + 3_000 }, (piece) => (text += piece))
    .then(
      ({ finishReason, usage }) => ({ finishReason, usage }),
      (error: unknown) => {
        if (!(error instanceof ModelError)) throw error;
        return { failure: error.failure };
      },
    );
  return { text, ...ended };
}

function providerAt(url: string): OpenAiProvider {
  return new OpenAiProvider({ apiKey: 'any', baseUrl: `${url}/v1`, idleTimeoutMs: 500, headersTimeoutMs: 1_000 });
}

/** Asks a server that is hostile for ever, `times` times; closes both. */
async function askHostile(hostility: Hostility, times: number, maxOutputTokens?: number) {
  const server = await HostileServer.start(demo.url, hostility, Infinity);
  const provider = providerAt(server.url);
  const answers = [];
  for (let at = 0; at < times; at += 1) answers.push(await askOnce(provider, 'Go', maxOutputTokens));
  await expect.poll(() => server.active, { timeout: 3_000 }).toBe(0);
  await provider.close();
  await server.close();
  return answers;
}

const event = (fields: object) => `data: ${JSON.stringify(fields)}\n\n`;
const delta = (content: string) => event({ choices: [{ index: 0, delta: { content } }] });

describe('an answer that is cut', () => {
  it('at every boundary of its chunks is never complete before its finish reason', async () => {
    const provider = providerAt(demo.url);
    for (const how of ['cut_after_tokens', 'end_after_tokens', 'error_event_after_tokens']) {
      for (let at = 0; at <= 8; at += 1) {
        const answer = await askOnce(provider, `Go [[demo: ${JSON.stringify({ tokens: 8, [how]: at })}]]`);
        const text = Array.from({ length: at }, (_, token) => `t${token}`).join(' ');
        expect(answer, `${how} ${at}`).toEqual({ text, failure: how === 'error_event_after_tokens' ? 'server_error' : 'truncated' });
      }
    }
    await provider.close();
  });

  const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n';
  const told = delta('Grüße') + delta(' 🙂');
  const finished = `${told}${event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}`;
  const body = Buffer.from(`${finished}${event({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 2 } })}data: [DONE]\n\n`);

  it.each([
    ['as if it had ended', `${head}connection: close\r\n\r\n`],
    ['before the length that was announced', `${head}content-length: ${body.length + 1}\r\n\r\n`],
  ])('after every byte, %s, is never complete before its finish reason', async (_how, headers) => {
    const bytes = Buffer.concat([Buffer.from(headers), body]);
    let at = -1;
    const answers = await askHostile((on) => void on.write(bytes.subarray(0, (at += 1))).socket.end(), bytes.length + 1);
    for (const [length, { text, ...ended }] of answers.entries()) {
      const within = length - headers.length;
      expect('Grüße 🙂'.startsWith(text), `${length}: ${text}`).toBe(true);
      if (within < Buffer.byteLength(finished)) {
        expect(ended, `${length}`).toEqual({ failure: within < 0 ? 'unreachable' : 'truncated' });
      } else {
        // Usage counts only where it came whole.
        const usage = within < body.length - 'data: [DONE]\n\n'.length ? undefined : { inputTokens: 9, outputTokens: 2 };
        expect({ text, ...ended }, `${length}`).toEqual({ text: 'Grüße 🙂', finishReason: 'stop', usage });
      }
    }
    expect(answers.at(-1)).toMatchObject({ finishReason: 'stop', usage: { outputTokens: 2 } });
  });
});

describe('P9: too much', () => {
  it('text, beyond what the bound of the answer can hold, is cut off', async () => {
    let written = 0;
    const flood: Hostility = (on) =>
      on.head().every(1, () => {
        written += 1_000;
        on.write(delta('x'.repeat(1_000)));
      });
    const [answer] = await askHostile(flood, 1, 50);
    expect(answer).toMatchObject({ failure: 'bad_response' });
    // 128 characters, the longest token, for each of the 50, and some to spare.
    expect(answer?.text.length).toBeLessThanOrEqual(50 * 128 + 4_096);
    expect(written).toBeLessThan(1_000_000);
  });

  it('of an error’s body costs neither memory nor time', async () => {
    const before = process.memoryUsage().arrayBuffers;
    const begun = performance.now();
    const endless: Hostility = (on) => on.head(500).every(1, () => on.write(Buffer.alloc(1_000_000, 120)));
    expect(await askHostile(endless, 3)).toEqual(Array.from({ length: 3 }, () => ({ text: '', failure: 'server_error' })));
    expect(performance.now() - begun).toBeLessThan(3_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000);
  });

  it('of a body after the end of an answer is not read for ever', async () => {
    const chatty: Hostility = (on) => {
      on.head().write(`${delta('Hi')}${event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}data: [DONE]\n\n`);
      on.every(5, () => on.write(': more\n\n'));
    };
    const [answer] = await askHostile(chatty, 1);
    expect(answer).toMatchObject({ text: 'Hi', finishReason: 'stop' });
  });
});

it('no socket of ours stays open', async () => {
  const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
  await expect.poll(sockets).toBe(0);
  const own = await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 0 });
  const provider = providerAt(own.url);
  for (const fault of [
    {},
    { stall_after_tokens: 1 },
    { cut_after_tokens: 1 },
    { malformed_after_tokens: 1 },
    { content_type: 'text/html' },
  ]) {
    await askOnce(provider, `Go [[demo: ${JSON.stringify({ tokens: 3, ...fault })}]]`);
  }
  // One kept connection, seen from both of its ends.
  await expect.poll(sockets).toBeLessThanOrEqual(2);
  await provider.close();
  await expect.poll(sockets).toBe(0);
  await own.close();
});
