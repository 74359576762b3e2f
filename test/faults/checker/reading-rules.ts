import type { Chunk, Reading, SentMessage } from '../support/history.ts';
import { judgeText } from './text-rules.ts';
import type { Violation, ViolationKind } from './violation.ts';

/** What one reader shows at the end. */
export interface Shown {
  /** `turn:epoch` of the log that it read last; undefined when none was named. */
  log: string | undefined;
  text: string;
  ending: 'complete' | 'interrupted' | 'failed' | undefined;
}

/**
 * Judges what one reader was shown, reading by reading, as an AI SDK client would show it: chunk 0 begins anew, `reset-step` takes
 * back the text, any other number goes on where the last one stopped.
 */
export class ReaderJudge {
  readonly violations: Violation[] = [];
  readonly shown: Shown = { log: undefined, text: '', ending: undefined };
  private next = 0;
  /** The text is not the beginning of the answer. What is wrong is told from all of it, when it ends or is taken back. */
  private spoilt = false;

  private readonly message: SentMessage;
  /** Chunks of each log as other readers of the message had them. */
  private readonly logs: Map<string, string[]>;

  constructor(message: SentMessage, logs: Map<string, string[]>) {
    this.message = message;
    this.logs = logs;
  }

  /** Judges the next reading of this reader. */
  read(reading: Reading): void {
    const start = { first: true, misnumbered: false };
    for (const [at, event] of reading.events.entries()) {
      if (event.type === 'chunk') {
        if (start.first) this.begin(reading, event.sequence);
        start.first = false;
        if (event.sequence !== this.next && !start.misnumbered) {
          start.misnumbered = true;
          this.misnumbered(reading, at, event.sequence);
        }
        this.next = Math.max(this.next, event.sequence + 1);
        this.chunk(event.chunk, event.sequence, event.json, event.log);
      } else if (event.type === 'end' && this.shown.ending === undefined)
        this.report('false-complete', `an end after chunk ${this.next - 1} without a finish`);
    }
  }

  /** Says what is wrong with the text so far. Call it once more when nothing more was read. */
  settle(): void {
    if (this.spoilt) this.violations.push(...judgeText(this.message, this.shown.text, 'shown'));
    this.spoilt = false;
  }

  private begin(reading: Reading, first: number): void {
    if (first !== 0 && reading.after !== undefined && first === reading.after.sequence + 1) return;
    if (first !== 0) {
      // Judged as a gap, or as a repeat, by the number that was due.
      this.next = reading.after === undefined ? 0 : reading.after.sequence + 1;
      return;
    }
    this.next = 0;
    this.wipe();
    this.shown.ending = undefined;
    this.shown.log = undefined;
  }

  private misnumbered(reading: Reading, at: number, sequence: number): void {
    const due = this.next;
    const numbers = (from: number, to?: number) =>
      reading.events.slice(from, to).flatMap((event) => (event.type === 'chunk' ? [event.sequence] : []));
    if (sequence < due) {
      const twice = numbers(0, at).includes(sequence) || reading.after !== undefined;
      return this.report(twice ? 'repeated' : 'reordered', `chunk ${sequence} came where ${due} was due`);
    }
    this.report(numbers(at + 1).includes(due) ? 'reordered' : 'gap', `chunk ${sequence} came where ${due} was due`);
  }

  private chunk(chunk: Chunk, sequence: number, json: string, log: string | undefined): void {
    const { shown } = this;
    if (shown.ending !== undefined) this.report('repeated', `chunk ${sequence} (${chunk.type}) came after the end`);
    if (chunk.type === 'start') {
      shown.log = `${chunk.messageMetadata?.turn_id}:${chunk.messageMetadata?.epoch}`;
    }
    if (log !== undefined && shown.log !== undefined && log !== shown.log)
      this.report('changed', `chunk ${sequence} is of ${log} within ${shown.log}`);
    this.same(shown.log ?? log, sequence, json);
    if (chunk.type === 'reset-step') {
      this.wipe();
    } else if (chunk.type === 'text-delta') this.text(chunk.delta ?? '');
    else if (chunk.type === 'finish') this.finish(chunk);
    else if (chunk.type === 'error') shown.ending = 'failed';
    else this.foreign(json);
  }

  /** Every reader of a log gets the same bytes under the same number. */
  private same(log: string | undefined, sequence: number, json: string): void {
    if (log === undefined) return;
    const known = this.logs.get(log) ?? [];
    this.logs.set(log, known);
    const before = known[sequence];
    if (before === undefined) known[sequence] = json;
    else if (before !== json) this.report('changed', `chunk ${sequence} of ${log} is ${kindOf(json)} here and ${kindOf(before)} elsewhere`);
  }

  private text(delta: string): void {
    const { shown, message } = this;
    const fits = message.expected.startsWith(delta, shown.text.length);
    shown.text += delta;
    if (!fits) this.spoilt = true;
  }

  /** The text is taken back; what was wrong with it is said before. */
  private wipe(): void {
    this.settle();
    this.shown.text = '';
  }

  private foreign(json: string): void {
    this.violations.push(...judgeText(this.message, json, 'shown').filter(({ kind }) => kind === 'foreign'));
  }

  private finish(chunk: Chunk): void {
    const { shown, message } = this;
    const claims = chunk.finishReason !== 'interrupted' || chunk.messageMetadata?.status === 'complete';
    shown.ending = claims ? 'complete' : 'interrupted';
    if (claims && shown.text !== message.expected)
      this.report('false-complete', `finish ${chunk.finishReason} after ${wordCount(shown.text)} of ${wordCount(message.expected)} words`);
  }

  private report(kind: ViolationKind, detail: string): void {
    this.violations.push({ kind, key: this.message.key, detail });
  }
}

function kindOf(json: string): string {
  return `${/"type":"([\w-]+)"/.exec(json)?.[1]} of ${json.length} characters`;
}

function wordCount(text: string): number {
  return text === '' ? 0 : text.split(' ').length;
}
