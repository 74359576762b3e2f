import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDemoModel, type RunningDemoModel } from './server.ts';
import type { WitnessEntry } from './witness-log.ts';

let server: RunningDemoModel;
beforeAll(async () => {
  server = await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 0 });
});
afterAll(() => server.close());

interface Received {
  response: Response;
  text: string;
  pieces: Uint8Array[];
  /** What broke off the body. */
  error: unknown;
  entry: WitnessEntry | undefined;
}

let asked = 0;

function post(script: object, signal?: AbortSignal): { response: Promise<Response>; mark: string } {
  const mark = `question ${++asked}.`;
  const body = {
    model: 'demo-small',
    stream: true,
    stream_options: { include_usage: true },
    messages: [{ role: 'user', content: `${mark} [[demo: ${JSON.stringify(script)}]]` }],
  };
  const response = fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
  return { response, mark };
}

async function receive(script: object): Promise<Received> {
  const { response: promise, mark } = post(script);
  const response = await promise;
  const pieces: Uint8Array[] = [];
  let error: unknown;
  try {
    for await (const piece of response.body ?? []) pieces.push(piece);
  } catch (thrown) {
    error = thrown;
  }
  const entry = await server.witness.waitFor((each) => each.last_user.includes(mark));
  return { response, text: Buffer.concat(pieces).toString('utf8'), pieces, error, entry };
}

/** The data of each event; the text of all. */
function eventsOf(text: string): { data: string[]; content: string } {
  const data = text.split(/\r?\n\r?\n/).flatMap((event) => /^data: (.*)$/ms.exec(event)?.[1] ?? []);
  const content = data.map((each) => parse(each)?.choices?.[0]?.delta?.content ?? '');
  return { data, content: content.join('') };
}

test('an ordinary answer is complete for its reader and its witness', async () => {
  const { text, error, entry } = await receive({ tokens: 4 });
  expect(error).toBeUndefined();
  expect(eventsOf(text).content).toBe('t0 t1 t2 t3');
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  expect(entry).toMatchObject({
    outcome: 'complete',
    tokens_planned: 4,
    tokens_served: 4,
    text_served: 't0 t1 t2 t3',
    finish_reason: 'stop',
  });
  expect(entry?.usage_reported).toMatchObject({ completion_tokens: 4 });
  expect(entry?.first_token_at).not.toBeNull();
});

test('cut_after_tokens: those tokens arrive, then the connection breaks', async () => {
  const { text, error, entry } = await receive({ tokens: 9, cut_after_tokens: 3 });
  expect(error).toBeInstanceOf(TypeError);
  expect(eventsOf(text).content).toBe('t0 t1 t2');
  expect(entry).toMatchObject({ outcome: 'cut', tokens_served: 3, text_served: 't0 t1 t2' });
  expect((await receive({ tokens: 9, cut_after_tokens: 0 })).error).toBeInstanceOf(TypeError);
});

test('end_after_tokens: a clean end that says nothing', async () => {
  const { text, error, entry } = await receive({ tokens: 9, end_after_tokens: 3 });
  expect(error).toBeUndefined();
  expect(eventsOf(text).content).toBe('t0 t1 t2');
  expect(text).not.toMatch(/\[DONE\]|"finish_reason":"/);
  expect(entry).toMatchObject({ outcome: 'ended_early', tokens_served: 3, finish_reason: null, usage_reported: null });
});

test('stall_after_tokens: nothing more comes until the client gives up, which the witness sees at once', async () => {
  const abort = new AbortController();
  const { response, mark } = post({ tokens: 9, stall_after_tokens: 2 }, abort.signal);
  const reader = (await response).body?.getReader();
  let text = '';
  while (!text.includes(' t1')) text += Buffer.from((await reader?.read())?.value ?? []).toString();
  const next = reader?.read().catch(() => 'aborted');
  const first = await Promise.race([next, new Promise((resolve) => setTimeout(resolve, 100, 'silence'))]);
  expect(first).toBe('silence');
  abort.abort();
  expect(await next).toBe('aborted');
  expect(await server.witness.waitFor((each) => each.last_user.includes(mark), 1000)).toMatchObject({
    outcome: 'stalled',
    tokens_served: 2,
  });
});

test('stall_ms: goes on after the stall', async () => {
  const begun = performance.now();
  const { text, entry } = await receive({ tokens: 4, stall_after_tokens: 2, stall_ms: 80 });
  expect(performance.now() - begun).toBeGreaterThanOrEqual(80);
  expect(eventsOf(text).content).toBe('t0 t1 t2 t3');
  expect(entry?.outcome).toBe('complete');
});

test('malformed_after_tokens: one event that is no JSON', async () => {
  const { text } = await receive({ tokens: 4, malformed_after_tokens: 2 });
  const { data, content } = eventsOf(text);
  const broken = data.filter((each) => each !== '[DONE]' && parse(each) === undefined);
  expect(broken).toHaveLength(1);
  expect(content).toBe('t0 t1 t2 t3');
});

test('content_filter_after_tokens and finish_reason', async () => {
  const filtered = await receive({ tokens: 9, content_filter_after_tokens: 2 });
  expect(eventsOf(filtered.text).content).toBe('t0 t1');
  expect(filtered.text).toContain('"finish_reason":"content_filter"');
  expect(filtered.entry).toMatchObject({ outcome: 'complete', finish_reason: 'content_filter', tokens_served: 2 });
  expect((await receive({ tokens: 1, finish_reason: 'tool_calls' })).text).toContain('"finish_reason":"tool_calls"');
  const none = await receive({ tokens: 1, finish_reason: null });
  expect(none.text).not.toContain('"finish_reason":"');
  expect(none.text).toContain('[DONE]');
});

test('drip_bytes: every piece is that small, characters are parted, and the text is whole', async () => {
  const { pieces, text } = await receive({ text: 'Grüße 🙂', drip_bytes: 3 });
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(3 * 8);
  expect(pieces.some((piece) => Buffer.from(piece).toString('utf8').includes('\ufffd'))).toBe(true);
  expect(eventsOf(text).content).toBe('Grüße 🙂');
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  const cut = await receive({ tokens: 9, drip_bytes: 50, cut_after_tokens: 2 });
  expect(eventsOf(cut.text).content).toBe('t0 t1');
  expect(cut.error).toBeInstanceOf(TypeError);
});

test('content_type: a page instead of a stream, or another type for the stream', async () => {
  const page = await receive({ content_type: 'text/html' });
  expect(page.response.status).toBe(200);
  expect(page.response.headers.get('content-type')).toBe('text/html');
  expect(page.text).toMatch(/^<!doctype html>/);
  const plain = await receive({ tokens: 2, content_type: 'text/plain' });
  expect(plain.response.headers.get('content-type')).toBe('text/plain');
  expect(eventsOf(plain.text).content).toBe('t0 t1');
});

test('usage: normal, missing, zero and late', async () => {
  const usage = (text: string) => /"usage":(\{.*?\}),?"?|$/.exec(text)?.[1];
  expect(usage((await receive({ tokens: 2 })).text)).toContain('"completion_tokens":2');
  expect(usage((await receive({ tokens: 2, usage: 'zero' })).text)).toContain('"completion_tokens":0');
  const missing = await receive({ tokens: 2, usage: 'missing' });
  expect(usage(missing.text)).toBeUndefined();
  expect(missing.entry?.usage_reported).toBeNull();
  const { response } = post({ tokens: 2, usage: 'late' });
  let text = '';
  let finishedAt = 0;
  for await (const piece of (await response).body ?? []) {
    text += Buffer.from(piece).toString();
    if (finishedAt === 0 && text.includes('"finish_reason":"stop"')) finishedAt = performance.now();
  }
  expect(performance.now() - finishedAt).toBeGreaterThan(200);
  expect(usage(text)).toContain('"completion_tokens":2');
});

test('no_done, comments, crlf and chunk_tokens', async () => {
  const { text } = await receive({ tokens: 5, no_done: true, comments: true, crlf: true, chunk_tokens: 2 });
  expect(text).not.toContain('[DONE]');
  expect(text.match(/^: ping\r\n\r\n/gm)?.length).toBeGreaterThanOrEqual(3);
  expect(text.replaceAll('\r\n', '')).not.toContain('\n');
  const contents = eventsOf(text).data.map((data) => parse(data)?.choices?.[0]?.delta?.content);
  expect(contents.filter(Boolean)).toEqual(['t0 t1', ' t2 t3', ' t4']);
});

test('huge_event_bytes: one event of exactly that length', async () => {
  const { text } = await receive({ tokens: 3, huge_event_bytes: 300_000 });
  const lengths = text.split('\n\n').map((event) => event.length + 2);
  expect(lengths.filter((length) => length > 1000)).toEqual([300_000]);
  expect(eventsOf(text).content).toBe('t0 t1 t2');
});

test('headers, other successes, and redirects', async () => {
  const { response } = await receive({ tokens: 1, status: 203, headers: { 'x-ratelimit-remaining-tokens': '0', 'x-more': 'yes' } });
  expect(response.status).toBe(203);
  expect(response.headers.get('x-ratelimit-remaining-tokens')).toBe('0');
  expect(response.headers.get('x-more')).toBe('yes');
  const redirect = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'x-demo-script': '{"status":307,"headers":{"location":"http://127.0.0.1:1/"}}' },
    body: '{"model":"demo-small","messages":[{"role":"user","content":"x"}]}',
  });
  expect(redirect.status).toBe(307);
  expect(redirect.headers.get('location')).toBe('http://127.0.0.1:1/');
});

test('header_delay_ms holds back the head; a client that leaves meanwhile is seen', async () => {
  const begun = performance.now();
  await receive({ tokens: 1, header_delay_ms: 60 });
  expect(performance.now() - begun).toBeGreaterThanOrEqual(60);
  const abort = new AbortController();
  const { response, mark } = post({ tokens: 1, header_delay_ms: 60_000 }, abort.signal);
  await until(() => server.witness.running().some((entry) => entry.last_user.includes(mark)));
  abort.abort();
  await expect(response).rejects.toThrow();
  expect(await server.witness.waitFor((each) => each.last_user.includes(mark), 1000)).toMatchObject({
    outcome: 'aborted_by_client',
    tokens_served: 0,
  });
});

test('the pace is kept: first token, then so many a second', async () => {
  const begun = performance.now();
  const arrivals: number[] = [];
  const { response } = post({ tokens: 11, tokens_per_second: 100, first_token_ms: 50 });
  let text = '';
  for await (const piece of (await response).body ?? []) {
    text += Buffer.from(piece).toString();
    arrivals.push(performance.now() - begun);
  }
  expect(eventsOf(text).content).toMatch(/ t10$/);
  expect(arrivals[0]).toBeGreaterThanOrEqual(50);
  // Ten intervals of 10 ms follow the first token.
  expect(arrivals.at(-1)).toBeGreaterThanOrEqual(150);
  expect(arrivals.length).toBeGreaterThan(3);
});

test('an abort in mid-stream stops the answer and is recorded with what was served', async () => {
  const abort = new AbortController();
  const { response, mark } = post({ tokens: 100_000, tokens_per_second: 200 }, abort.signal);
  let text = '';
  const read = async () => {
    for await (const piece of (await response).body ?? []) {
      text += Buffer.from(piece).toString();
      if (text.includes('" t5"')) abort.abort();
    }
  };
  await expect(read()).rejects.toThrow();
  const entry = await server.witness.waitFor((each) => each.last_user.includes(mark), 1000);
  expect(entry).toMatchObject({ outcome: 'aborted_by_client', finish_reason: null, usage_reported: null, tokens_planned: 100_000 });
  expect(entry?.tokens_served).toBeGreaterThanOrEqual(6);
  expect(entry?.tokens_served).toBeLessThan(1000);
  expect(entry?.text_served).toMatch(/^t0 t1 t2 t3 t4 t5/);
});

test('a reader that does not read stops the answer; reading on gives all of it', async () => {
  const { response, mark } = post({ tokens: 200_000 });
  const reader = (await response).body?.getReader();
  await reader?.read();
  const entry = await until(() => server.witness.running().find((each) => each.last_user.includes(mark)));
  // The answer stands still when two looks, a while apart, find the same count.
  let before = -1;
  await until(() => {
    const still = entry.tokens_served === before && before > 0;
    before = entry.tokens_served;
    return still;
  }, 100);
  expect(entry.tokens_served).toBeLessThan(150_000);
  let bytes = 0;
  for (let piece = await reader?.read(); piece?.done === false; piece = await reader?.read()) bytes += piece.value?.length ?? 0;
  expect(bytes).toBeGreaterThan(200_000 * 100);
  expect(await server.witness.waitFor((each) => each.last_user.includes(mark))).toMatchObject({
    outcome: 'complete',
    tokens_served: 200_000,
  });
});

async function until<T>(look: () => T | undefined | false, everyMs = 5): Promise<T> {
  const deadline = performance.now() + 8000;
  while (performance.now() < deadline) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  throw new Error('It did not happen within 8 seconds.');
}

function parse(text: string): { choices?: { delta?: { content?: string } }[] } | undefined {
  try {
    return JSON.parse(text) as ReturnType<typeof parse>;
  } catch {
    return undefined;
  }
}
