import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Chunk } from '../../../src/modules/chat/stream/chunks.ts';
import { userMessage } from '../../support/chat-client.ts';
import { AnswerStream, counted, resume, scripted } from '../../support/event-stream.ts';
import type { TestTenant } from '../../support/stack.ts';
import { HeldAnswer, type Tally } from './tally.ts';

/** Whom the load talks to, and until when. */
export interface LoadTarget {
  /** The proxy. */
  url: string;
  tenant: TestTenant;
  tally: Tally;
  ended: AbortSignal;
}

const tokens = 60;
const text = scripted({ tokens, tokens_per_second: 40 });

/** How a socket's answer went: to its end, or to the socket's close. */
type Outcome = { end: string } | { closed: number; reason: string };

/** A chat over WebSocket, one answer after the other: on 1012 it connects anew and resumes with its cursor. */
export async function chatOverSocket({ url, tenant, tally, ended }: LoadTarget): Promise<void> {
  const visitor = randomUUID();
  const query = new URLSearchParams({ bot_id: tenant.botId, visitor_id: visitor }).toString();
  let socket: WebSocket | undefined;
  while (!ended.aborted) {
    const [conversation, message] = [randomUUID(), userMessage(text)];
    const held = new HeldAnswer(tally);
    for (let complete = false; !complete;) {
      try {
        socket ??= await open(`${url.replace('http', 'ws')}/v1/chat?${query}`, tenant.apiKey);
      } catch (error) {
        tally.failed(`handshake: ${(error as Error).message}`);
        await sleep(100);
        continue;
      }
      const { cursor } = held;
      const frame =
        cursor === undefined
          ? { type: 'send', trigger: 'submit-message', messages: [message], headers: {}, body: {} }
          : { type: 'resume', headers: {}, body: { cursor } };
      const outcome = await follow(socket, { ...frame, requestId: randomUUID(), id: conversation }, held);
      if ('end' in outcome) {
        complete = true;
        if (outcome.end !== 'end' || held.text !== counted(tokens)) tally.failed(`socket answer: ${outcome.end}, "${held.text}"`);
        else tally.answers += 1;
        continue;
      }
      socket = undefined;
      tally.resumed += 1;
      // `restart`: the replica goes. `resume`: the log of the answer is another's now.
      if (outcome.closed !== 1012 || !/^(restart|resume)$/.test(outcome.reason))
        tally.failed(`socket closed with ${outcome.closed} "${outcome.reason}"`);
    }
    tally.requests += 1;
  }
  socket?.close(1000);
}

function open(url: string, key: string): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, { headers: { authorization: `Bearer ${key}` } });
    ws.once('open', () => resolve(ws));
    ws.on('error', reject);
  });
}

function follow(ws: WebSocket, frame: { requestId: string; id: string; type: string }, held: HeldAnswer): Promise<Outcome> {
  return new Promise((resolve) => {
    const settle = (outcome: Outcome) => {
      ws.removeAllListeners('message');
      ws.removeAllListeners('close');
      resolve(outcome);
    };
    ws.on('close', (closed, reason) => settle({ closed, reason: reason.toString() }));
    ws.on('message', (data) => {
      const got = JSON.parse((data as Buffer).toString()) as { type: string; requestId: string; sequence: number; chunk: Chunk };
      if (got.requestId !== frame.requestId) return;
      if (got.type === 'chunk') held.take(got.sequence, got.chunk);
      else if (got.type !== 'start') settle({ end: got.type === 'error' ? JSON.stringify(got) : got.type });
    });
    if (ws.readyState === WebSocket.OPEN) ws.send(JSON.stringify(frame));
    else settle({ closed: 1012, reason: 'restart' });
  });
}

/** A chat over server-sent events: a cut stream is gone on with by `Last-Event-ID`. */
export async function chatOverEvents({ url, tenant, tally, ended }: LoadTarget): Promise<void> {
  while (!ended.aborted) {
    const [conversation, message] = [randomUUID(), userMessage(text)];
    const held = new HeldAnswer(tally);
    try {
      const body = JSON.stringify({ id: conversation, bot_id: tenant.botId, messages: [message] });
      let stream: AnswerStream | undefined = new AnswerStream(await must(`${url}/v1/chat`, tenant, { method: 'POST', body }));
      while (stream !== undefined && !(await readOn(stream, held))) {
        tally.resumed += 1;
        stream = await resume(url, tenant, conversation, held.cursor);
      }
      if (held.text !== counted(tokens)) tally.failed(`event answer: "${held.text}"`);
      else tally.answers += 1;
      tally.requests += 1;
    } catch (error) {
      tally.failed(`events: ${reasonOf(error)}`);
    }
  }
}

/** Reads until the stream ends. False when it was cut; a clean end is [DONE]. */
async function readOn(stream: AnswerStream, held: HeldAnswer): Promise<boolean> {
  try {
    for await (const { sequence, chunk } of stream) held.take(sequence, chunk);
  } catch {
    return false;
  }
  if (!stream.done) throw new Error('a clean end without [DONE]');
  return true;
}

/** Plain requests on kept connections: reads, writes, and an answer in one piece. */
export async function plainRequests({ url, tenant, tally, ended }: LoadTarget): Promise<void> {
  const ask = (script: object) => JSON.stringify({ model: tenant.botId, messages: [{ role: 'user', content: scripted(script) }] });
  const calls: [string, RequestInit][] = [
    ['/v1/bots', {}],
    ['/v1/chat/tickets', { method: 'POST', body: JSON.stringify({ bot_id: tenant.botId }) }],
    ['/v1/conversations?limit=5', {}],
    ['/v1/chat/completions', { method: 'POST', body: ask({ tokens: 3 }) }],
  ];
  for (let at = 0; !ended.aborted; at += 1) {
    const [path, init] = calls[at % calls.length] as [string, RequestInit];
    try {
      await (await must(url + path, tenant, init)).arrayBuffer();
      tally.requests += 1;
    } catch (error) {
      tally.failed(`${init.method ?? 'GET'} ${path}: ${reasonOf(error)}`);
    }
    await sleep(10);
  }
}

/** Throws unless the answer is a success. */
async function must(url: string, tenant: TestTenant, init: RequestInit): Promise<Response> {
  const headers = { authorization: `Bearer ${tenant.apiKey}`, ...(init.body === undefined ? {} : { 'content-type': 'application/json' }) };
  const response = await fetch(url, { ...init, headers });
  if (!response.ok) throw new Error(`${response.status} ${(await response.text()).slice(0, 300)}`);
  return response;
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  return cause === undefined ? message : `${message} (${cause.code ?? cause.message})`;
}
