import { BodyWriter } from './body-writer.ts';
import { usageOf, type CompletionPlan } from './completion-plan.ts';
import type { Paced, Pacer } from './pacer.ts';
import type { Script } from './script.ts';
import type { Serving } from './serving.ts';

type TriggerKind = 'malformed' | 'stall' | 'error_event' | 'content_filter' | 'end' | 'cut';
interface Trigger {
  at: number;
  kind: TriggerKind;
}

// A stream that fell behind (a slow reader, a busy loop) catches up by at most this, then goes on at its pace.
const catchUpMs = 1000;
// Events of one turn of the loop: a fast stream must not keep the others, or an abort, from being noticed.
const eventsAtOnce = 256;
const lateUsageMs = 250;

/** Sends an answer as server-sent events at its pace, with whatever its script does to it. */
export class AnswerStream implements Paced {
  dueAt: number;
  readonly #plan: CompletionPlan;
  readonly #serving: Serving;
  readonly #pacer: Pacer;
  readonly #writer: BodyWriter;
  readonly #script: Script;
  readonly #triggers: Trigger[];
  readonly #interval: number;
  readonly #eol: string;
  readonly #head: string;
  readonly #tail: string;
  readonly #usageField: string;
  #sent = 0;
  #begun = false;

  constructor(plan: CompletionPlan, serving: Serving, pacer: Pacer, pace: { tokensPerSecond: number; firstTokenMs: number }) {
    const { script } = plan;
    const rate = script.tokens_per_second ?? pace.tokensPerSecond;
    this.#plan = plan;
    this.#serving = serving;
    this.#pacer = pacer;
    this.#script = script;
    this.#triggers = triggersOf(script);
    this.#interval = rate === 0 ? 0 : ((script.chunk_tokens ?? 1) * 1000) / rate;
    this.dueAt = performance.now() + (script.first_token_ms ?? pace.firstTokenMs);
    this.#eol = script.crlf === true ? '\r\n' : '\n';
    this.#usageField = plan.includeUsage ? ',"usage":null' : '';
    const ping = script.comments === true ? `: ping${this.#eol}${this.#eol}` : '';
    const frame = { id: plan.id, object: 'chat.completion.chunk', created: plan.created, model: plan.model, system_fingerprint: 'fp_demo' };
    this.#head = `${ping}data: ${JSON.stringify(frame).slice(0, -1)},"choices":`;
    this.#tail = `}${this.#eol}${this.#eol}`;
    this.#writer = new BodyWriter(serving.res, pacer, script.drip_bytes);
    this.#writer.onReady = () => this.#goOn(performance.now());
  }

  get done(): boolean {
    return this.#serving.done;
  }

  /** Begins; the head of the response must have been written. */
  start(): void {
    this.#pacer.schedule(this);
  }

  run(now: number): void {
    if (this.done) return;
    let out = '';
    if (!this.#begun) {
      this.#begun = true;
      out += this.#event('[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]');
    }
    this.dueAt = Math.max(this.dueAt, now - catchUpMs);
    for (let budget = eventsAtOnce; budget > 0 && this.dueAt <= now; budget--) {
      const trigger = this.#triggers[0];
      if (trigger !== undefined && trigger.at <= this.#sent) {
        this.#triggers.shift();
        if (this.#pull(trigger.kind, out)) return;
        out = '';
        continue;
      }
      if (this.#sent >= this.#plan.pieces.count) return this.#finish(out, this.#plan.finishReason);
      out += this.#tokens(trigger?.at ?? Infinity);
      this.dueAt += this.#interval;
    }
    if (this.#writer.write(out)) this.#goOn(now);
  }

  #goOn(now: number): void {
    if (this.done || this.#serving.intended !== undefined) return;
    if (this.#interval === 0 && this.dueAt <= now) setImmediate(() => this.run(performance.now()));
    else this.#pacer.schedule(this);
  }

  #tokens(limit: number): string {
    const { pieces } = this.#plan;
    const end = Math.min(this.#sent + (this.#script.chunk_tokens ?? 1), pieces.count, limit);
    let text = '';
    for (let index = this.#sent; index < end; index++) text += pieces.at(index);
    const huge = this.#sent === 0 ? this.#script.huge_event_bytes : undefined;
    this.#serving.served(end - this.#sent);
    this.#sent = end;
    const choices = `[{"index":0,"delta":{"content":${JSON.stringify(text)}},"logprobs":null,"finish_reason":null}]`;
    return huge === undefined ? this.#event(choices) : this.#hugeEvent(choices, huge);
  }

  #event(choices: string, usage = this.#usageField): string {
    return this.#head + choices + usage + this.#tail;
  }

  // OpenAI itself pads events with an "obfuscation" field, so a client must bear one of any length.
  #hugeEvent(choices: string, bytes: number): string {
    const event = this.#event(choices, `${this.#usageField},"obfuscation":""`);
    const missing = Math.max(0, bytes - Buffer.byteLength(event));
    return this.#event(choices, `${this.#usageField},"obfuscation":"${'x'.repeat(missing)}"`);
  }

  /** Does what was scripted for this place, after writing `out`; gives true when this turn is over. */
  #pull(kind: TriggerKind, out: string): boolean {
    const { res } = this.#serving;
    if (kind === 'malformed') {
      if (this.#writer.write(`${out}data: {"id":"${this.#plan.id}","choices":[{"delta":{"content":${this.#eol}${this.#eol}`)) return false;
      return true;
    }
    if (kind === 'content_filter') {
      this.#finish(out, 'content_filter');
      return true;
    }
    if (kind === 'stall') {
      this.#serving.intended = 'stalled';
      this.#writer.write(out);
      if (this.#script.stall_ms !== undefined) this.#pacer.after(this.#script.stall_ms, () => this.#wake());
      return true;
    }
    this.#serving.intended = kind === 'cut' ? 'cut' : kind === 'end' ? 'ended_early' : 'error';
    if (kind === 'error_event') {
      const {
        message = 'The server had an error while processing your request.',
        error_type = 'server_error',
        error_code = null,
      } = this.#script;
      out += `data: ${JSON.stringify({ error: { message, type: error_type, code: error_code, param: null } })}${this.#eol}${this.#eol}`;
    }
    this.#writer.write(out);
    if (kind === 'cut') this.#writer.whenFlushed(() => res.destroy());
    else this.#writer.end();
    return true;
  }

  #wake(): void {
    if (this.done) return;
    this.#serving.intended = undefined;
    this.dueAt = performance.now();
    this.run(this.dueAt);
  }

  #finish(out: string, reason: string | null): void {
    const { entry } = this.#serving;
    this.#serving.intended = 'complete';
    entry.finish_reason = reason;
    if (reason !== null) out += this.#event(`[{"index":0,"delta":{},"logprobs":null,"finish_reason":${JSON.stringify(reason)}}]`);
    const usage = this.#plan.includeUsage ? usageOf(this.#plan, this.#sent) : null;
    entry.usage_reported = usage;
    const rest =
      (usage === null ? '' : this.#event('[]', `,"usage":${JSON.stringify(usage)}`)) +
      (this.#script.no_done === true ? '' : `data: [DONE]${this.#eol}${this.#eol}`);
    const end = () => {
      this.#writer.write(rest);
      this.#writer.end();
    };
    this.#writer.write(out);
    if (this.#script.usage === 'late') this.#pacer.after(lateUsageMs, () => this.done || end());
    else end();
  }
}

function triggersOf(script: Script): Trigger[] {
  // At the same place the gentler one comes first.
  const places: [TriggerKind, number | undefined][] = [
    ['malformed', script.malformed_after_tokens],
    ['stall', script.stall_after_tokens],
    ['error_event', script.error_event_after_tokens],
    ['content_filter', script.content_filter_after_tokens],
    ['end', script.end_after_tokens],
    ['cut', script.cut_after_tokens],
  ];
  return places.flatMap(([kind, at]) => (at === undefined ? [] : [{ kind, at }])).toSorted((a, b) => a.at - b.at);
}
