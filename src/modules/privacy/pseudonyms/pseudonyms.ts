import type { Span } from '../anonymizer/recognizer.ts';
import type { EffectivePolicy } from '../policies/privacy-policy.ts';
import { KnownValues } from './known-values.ts';
import { maskOf, placeholderOf, placeholderPattern } from './placeholders.ts';
import { RestoringStream } from './restoring-stream.ts';

/** A text and what was found in it. */
export interface AnalyzedText {
  text: string;
  spans: readonly Span[];
}

/**
 * What stands for what in one turn. Made of all texts of its prompt, so that a value that was recognized in one of them is hidden in all; nothing
 * of it is stored, since the same texts and the same secret give the same placeholders.
 */
export class Pseudonyms {
  private readonly values = new Map<string, string>();
  private readonly placeholders = new Map<string, string>();
  private known: KnownValues | undefined;

  constructor(
    private readonly secret: Buffer,
    private readonly policy: Pick<EffectivePolicy, 'actionOf'>,
  ) {}

  /** True when there is nothing to restore. */
  get empty(): boolean {
    return this.values.size === 0;
  }

  /** Takes in what was found in all texts of a prompt. Before any of them is hidden: a value of one may stand in another. */
  learn(texts: readonly AnalyzedText[]): void {
    for (const { text, spans } of texts) {
      for (const { kind, start, end } of spans) {
        const value = text.slice(start, end);
        const action = this.policy.actionOf.get(kind);
        if (action === undefined || action === 'off' || this.placeholders.has(value)) continue;
        this.placeholders.set(value, action === 'pseudonymise' ? this.standIn(kind, value) : maskOf(kind));
      }
    }
    this.known = undefined;
  }

  /** A text as the model may have it. */
  hide({ text, spans }: AnalyzedText): string {
    return this.replace(text, spans);
  }

  /** A text of readers as the model has said it: what an answer that goes on begins with. */
  hideShown(text: string): string {
    return this.replace(text, []);
  }

  /** Every placeholder with its value. */
  entries(): [string, string][] {
    return [...this.values];
  }

  /** Restores the model's words. */
  restoring(): RestoringStream {
    return new RestoringStream(this.values);
  }

  private standIn(kind: Parameters<typeof placeholderOf>[1], value: string): string {
    for (let attempt = 0; ; attempt += 1) {
      const placeholder = placeholderOf(this.secret, kind, value, attempt);
      const other = this.values.get(placeholder);
      if (other !== undefined && other !== value) continue;
      this.values.set(placeholder, value);
      return placeholder;
    }
  }

  private replace(text: string, spans: readonly Span[]): string {
    const found = spans
      .filter(({ kind }) => (this.policy.actionOf.get(kind) ?? 'off') !== 'off')
      .map(({ start, end }) => ({ start, end, by: this.placeholders.get(text.slice(start, end)) ?? '' }));
    const all = [...found, ...this.elsewhere(text), ...this.literals(text)].toSorted((a, b) => a.start - b.start || b.end - a.end);
    let result = '';
    let at = 0;
    for (const { start, end, by } of all) {
      if (start < at) continue;
      result += text.slice(at, start) + by;
      at = end;
    }
    return at === 0 ? text : result + text.slice(at);
  }

  /** Values that something else has given away, as words of their own. */
  private elsewhere(text: string) {
    this.known ??= new KnownValues(this.placeholders.keys());
    return this.known.in(text).map(({ start, end, value }) => ({ start, end, by: this.placeholders.get(value) ?? '' }));
  }

  /** What somebody wrote in the form of a placeholder stands for itself, whoever has it. */
  private literals(text: string) {
    if (!text.includes('_')) return [];
    return [...text.matchAll(placeholderPattern())].map(({ 0: literal, index }) => ({
      start: index,
      end: index + literal.length,
      by: this.standIn('LITERAL', literal),
    }));
  }
}
