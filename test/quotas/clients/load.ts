import { setTimeout as sleep } from 'node:timers/promises';
import type { Dialect, Reply, SentMessage } from '../checker/evidence.ts';
import type { SeededRandom } from '../../faults/support/random.ts';
import type { Client, Clients } from './ask.ts';
import { askForCompletion } from './completions-client.ts';
import { askForEvents } from './events-client.ts';
import { type AnswerShape, draft, type Draft, type Mix } from './messages.ts';
import { askOverSocket } from './socket-client.ts';

/** Whom messages are sent for. */
export interface LoadTenant {
  name: string;
  apiKey: string;
  botId: string;
}

/** How messages are sent. */
export interface Load {
  tenant: LoadTenant;
  /** Beginning of all markers; nobody else's begins so. */
  tag: string;
  /** Messages in all, and messages that wait for their answers at once. */
  messages: number;
  concurrency: number;
  /** Visitors who send them; lanes share them where they are fewer. */
  visitors?: number;
  mix: Mix;
  answer: AnswerShape;
  dialects: Dialect[];
  random: SeededRandom;
  /** Base URL for the next request. */
  target: () => string;
  /** The model server, for scripts. */
  modelUrl: string;
  /** No new messages after this. */
  stopping?: AbortSignal;
  /** Between a message's end and the next one of the same lane, in milliseconds. */
  pauseMs?: number;
  /** Asked after each message; true ends the load. */
  enough?: (message: SentMessage) => boolean;
  /** Gets each message before it is sent. */
  sent: SentMessage[];
}

/** Clients of the real server. */
export const clients: Clients = { websocket: askOverSocket, events: askForEvents, completions: askForCompletion };

/** Longest time for a message with all its tries: after a kill its answer goes on elsewhere, some seconds later. */
const messageMs = 60_000;
const mostTries = 12;
/** Refusals by anything but a quota pass. */
const passing = new Set(['rate_limited', 'queue_full', 'too_many_waiting', 'too_many_requests', 'unavailable']);

/** Sends messages, so many at once, each until it is known what became of it. */
export async function sendAll(load: Load): Promise<void> {
  let next = 0;
  let over = false;
  const lane = async (number: number): Promise<void> => {
    while (next < load.messages && !over && load.stopping?.aborted !== true) {
      const marker = `${load.tag}x${next}x`;
      next += 1;
      const made = draft(marker, load.random.branch(marker), load);
      const message: SentMessage = {
        marker,
        visitor: `visitor-${number % (load.visitors ?? 40)}`,
        dialect: made.dialect,
        kind: made.kind,
        replies: [],
      };
      load.sent.push(message);
      await send(load, made, message);
      if (load.enough?.(message) === true) over = true;
      if (load.pauseMs !== undefined) await sleep(load.pauseMs);
    }
  };
  await Promise.all(Array.from({ length: Math.min(load.concurrency, load.messages) }, (_, number) => lane(number)));
}

async function send(load: Load, made: Draft, message: SentMessage): Promise<void> {
  if (made.firstCalls.length > 0) await queueScripts(load.modelUrl, made);
  const client: Client = clients[made.dialect];
  const random = load.random.branch(`${made.marker} tries`);
  const giveUp = AbortSignal.timeout(messageMs);
  for (let tries = 0; tries < mostTries && !giveUp.aborted; tries += 1) {
    const reply = await client({
      url: load.target(),
      apiKey: load.tenant.apiKey,
      botId: load.tenant.botId,
      visitor: message.visitor,
      conversation: `c-${made.marker}`,
      marker: made.marker,
      text: made.text,
      parameters: made.parameters,
      stopAfter: made.stopAfter,
      giveUp,
    });
    message.replies.push(reply);
    if (!again(reply)) return;
    await sleep(random.integer(20, 100 + tries * 150));
  }
}

/** A correct client sends again, with the same id, when it cannot know what became of its message. */
function again({ outcome, refusal }: Reply): boolean {
  return outcome === 'cut' || (refusal !== undefined && passing.has(refusal.code));
}

async function queueScripts(modelUrl: string, made: Draft): Promise<void> {
  const body = JSON.stringify({ scripts: made.firstCalls, match: made.marker });
  const response = await fetch(`${modelUrl}/demo/scripts`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`the model server takes no scripts: ${response.status}`);
}
