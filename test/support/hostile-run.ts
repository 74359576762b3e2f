import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { RunningDemoModel } from '../../src/apps/demo-model/server.ts';
import type { EndedCall, ModelListener, Models, PlannedCall } from '../../src/modules/models/index.ts';
import { ModelError } from '../../src/modules/models/model-provider.ts';
import type { Fault } from './hostile-faults.ts';
import { HostileServer, wholeTokens } from './hostile-server.ts';

/** One provider call as the caller was told of it, beside what the server itself saw. */
interface JudgedCall {
  /** Upper bound of its tokens, input and output. */
  reserved: number;
  /** What is charged: what the provider counted; else nothing, where it is known to have served nothing; else all that was reserved. */
  booked: number;
  how: 'as reported' | 'nothing' | 'all that was reserved';
  outcome: EndedCall['outcome'];
}

/** What became of one answer. */
export interface Ended {
  /** A finish reason, or why it failed. */
  ended: string;
  /** Whole tokens that are shown at the end; undefined where that depends on the clock. */
  tokens: number | undefined;
  restarts: number;
  calls: JudgedCall[];
}

/** How often the fault happens, and whether the model can go on from a text. */
export interface Circumstances {
  times: 'once' | 'always';
  continues: boolean;
}

/** How long an answer may take at all, in milliseconds. */
export const deadlineMs = 5_000;

const text = Array.from({ length: wholeTokens }, (_, at) => `t${at}`).join(' ');

/**
 * Asks for an answer of a provider with this fault, and judges what holds whatever became of it: the text is the beginning of the
 * answer, each word once, and all of it where it ended well; served ≤ booked ≤ reserved for every call, and booked is what was served
 * where the demo model reported it; no connection is left that the server works on; the deadline is kept.
 */
export async function meet(
  fault: Fault,
  { times, continues }: Circumstances,
  demo: RunningDemoModel,
  open: (baseUrl: string, continues: boolean) => { models: Models; close: () => Promise<void> },
): Promise<Ended> {
  const word = `m${randomBytes(6).toString('hex')}`;
  const good = { tokens: wholeTokens };
  const faults = times === 'once' ? 1 : 20;
  const hostile = fault.socket === undefined ? undefined : await HostileServer.start(demo.url, fault.socket, faults);
  // Made when it is asked for: some hold a time.
  const scripts = fault.script === undefined ? [good, good] : [...Array.from({ length: faults }, fault.script), good, good];
  demo.scripts.add({ match: word, scripts });
  const { models, close } = open(`${hostile?.url ?? demo.url}/v1`, continues);
  const caller = new Caller();
  const begun = performance.now();
  try {
    const ended = await models
      .stream(
        {
          model: 'demo-small',
          messages: [{ role: 'user', content: `Go on, ${word}` }],
          maxOutputTokens: 100,
          signal: new AbortController().signal,
          deadlineAt: Date.now() + deadlineMs,
        },
        caller,
      )
      .then(({ finishReason }) => finishReason as string, failureOf);
    expect(performance.now() - begun).toBeLessThan(deadlineMs + 1_000);
    expect(text.startsWith(caller.text), `shown is ${caller.text}`).toBe(true);
    // P8: only what is whole looks whole.
    if (ended === 'stop') expect(caller.text).toBe(text);
    const running = () => demo.witness.running().filter(({ last_user }) => last_user.includes(word)).length + (hostile?.active ?? 0);
    for (const end = performance.now() + 3_000; running() > 0 && performance.now() < end;) await sleep(20);
    expect(running(), 'connections that the server still works on').toBe(0);
    const seen = demo.witness.entries({ match: word, limit: Infinity }).entries.toSorted((a, b) => (a.started_at < b.started_at ? -1 : 1));
    const served = [
      ...(hostile?.calls ?? []).map(({ status, promptTokens, tokensServed }) => servedOf(status, promptTokens + tokensServed)),
      ...seen.map(({ status, prompt_tokens, tokens_served }) => servedOf(status, prompt_tokens + tokens_served)),
    ];
    const calls = caller.judged();
    // One call that we know of for each request that came in.
    expect(calls).toHaveLength(served.length);
    for (const [at, call] of calls.entries()) {
      expect(served[at], `served, call ${at + 1}`).toBeLessThanOrEqual(call.booked);
      expect(call.booked, `booked, call ${at + 1}`).toBeLessThanOrEqual(call.reserved);
      if (call.how === 'as reported' && fault.socket === undefined) expect(call.booked).toBe(served[at]);
    }
    const tokens = caller.text === '' ? 0 : caller.text.split(' ').length;
    return { ended, tokens: fault.byClock === true ? undefined : tokens, restarts: caller.restarts, calls };
  } finally {
    await close();
    await hostile?.close();
  }
}

/** A refusal counts nothing. */
function servedOf(status: number, tokens: number): number {
  return status >= 400 ? 0 : tokens;
}

function failureOf(error: unknown): string {
  if (error instanceof ModelError) return error.failure;
  throw error;
}

/** Keeps the text and the accounts of one answer. */
class Caller implements ModelListener {
  text = '';
  restarts = 0;
  private readonly planned: PlannedCall[] = [];
  private readonly ends: EndedCall[] = [];

  shown(): string {
    return this.text;
  }

  onCall(call: PlannedCall): void {
    // Never two at once, each told of its end.
    expect(this.ends).toHaveLength(this.planned.length);
    this.planned.push(call);
  }

  onCallEnd(end: EndedCall): void {
    this.ends.push(end);
  }

  onText(piece: string): void {
    expect(this.ends).toHaveLength(this.planned.length - 1);
    this.text += piece;
  }

  onRestart(): void {
    this.restarts += 1;
    this.text = '';
  }

  judged(): JudgedCall[] {
    expect(this.ends).toHaveLength(this.planned.length);
    return this.planned.map(({ inputBound, maxOutputTokens }, at) => {
      const { usage, unserved, outcome } = this.ends[at] as EndedCall;
      const reserved = inputBound + maxOutputTokens;
      if (usage !== undefined) return { reserved, booked: usage.inputTokens + usage.outputTokens, how: 'as reported', outcome };
      return unserved
        ? { reserved, booked: 0, how: 'nothing', outcome }
        : { reserved, booked: reserved, how: 'all that was reserved', outcome };
    });
  }
}
