import type { Span } from '../anonymizer/recognizer.ts';
import type { EffectivePolicy } from '../policies/privacy-policy.ts';
import { maskOf, placeholderOf, placeholderPattern } from './placeholders.ts';
import { RestoringStream } from './restoring-stream.ts';

/** Shortest value that is looked for where no recognizer has found it, in characters. */
const shortestKnown = 3;
/** Values that are looked for besides at most; a prompt with more is a list, in which each is found by itself. */
const mostKnown = 500;

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
  private known: RegExp | undefined;

  constructor(
    private readonly secret: Buffer,
    private readonly policy: Pick<EffectivePolicy, 'actionOf'>,
  ) {}

  /** True when there is nothing to restore. */
  get empty(): boolean {
    return this.values.size === 0;
  }

  /** The texts as the model may have them, in their order. */
  hideAll(texts: readonly AnalyzedText[]): string[] {
    for (const { text, spans } of texts) {
      for (const { kind, start, end } of spans) {
        const value = text.slice(start, end);
        const action = this.policy.actionOf.get(kind);
        if (action === undefined || action === 'off' || this.placeholders.has(value)) continue;
        this.placeholders.set(value, action === 'pseudonymise' ? this.standIn(kind, value) : maskOf(kind));
      }
    }
    this.known = undefined;
    return texts.map(({ text, spans }) => this.replace(text, spans));
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
    if (this.placeholders.size === 0) return [];
    this.known ??= knownPattern([...this.placeholders.keys()]);
    return [...text.matchAll(this.known)].map(({ 0: value, index }) => ({
      start: index,
      end: index + value.length,
      by: this.placeholders.get(value) ?? '',
    }));
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

function knownPattern(values: string[]): RegExp {
  const alternatives = values
    .filter((value) => value.length >= shortestKnown)
    .slice(0, mostKnown)
    .toSorted((a, b) => b.length - a.length)
    .map((value) => value.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`));
  if (alternatives.length === 0) return /(?!)/g;
  return new RegExp(String.raw`(?<![\p{L}\p{N}])(?:${alternatives.join('|')})(?![\p{L}\p{N}])`, 'gu');
}
