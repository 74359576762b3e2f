import type { Analyzer } from '../anonymizer/analyzer.ts';
import type { EntityKind } from '../anonymizer/entity-kinds.ts';
import type { Span } from '../anonymizer/recognizer.ts';
import type { AnswerPolicy } from '../policies/privacy-policy.ts';
import { maskOf, placeholderPattern } from './placeholders.ts';

/** Characters at the end of what has come that are held back: what stands there may be the beginning of something. */
const heldBack = 96;
/** New characters after which it is worth looking again. */
const enough = 64;
/** Shown characters that are looked at once more, since they tell what comes after them. */
const contextLength = 192;
/** Longest finding that is waited for, in characters: a private key in its lines. */
const longestFinding = 4_096;

/**
 * Hides what a model says of people by itself, by the bot's policy for answers. Takes the model's text in pieces, before placeholders are
 * restored: what a visitor wrote themselves is theirs to read. Holds back a bounded number of characters. After something that
 * blocks it gives nothing more.
 */
export class AnswerMasking {
  /** What blocked the answer; undefined while nothing has. */
  blocked: EntityKind | undefined;
  private context = '';
  private held = '';
  private looked = 0;

  constructor(
    private readonly analyzer: Pick<Analyzer, 'analyze'>,
    private readonly policy: AnswerPolicy,
  ) {}

  /** Takes a piece; gives what is certain. */
  push(piece: string): string {
    if (this.policy.look.kinds.length === 0) return piece;
    if (this.blocked !== undefined) return '';
    this.held += piece;
    if (this.held.length - this.looked < enough || this.held.length <= heldBack) return '';
    return this.take(false);
  }

  /** There is no more: gives what was held back. */
  end(): string {
    return this.policy.look.kinds.length === 0 || this.blocked !== undefined ? '' : this.take(true);
  }

  /** A call begins, which goes on after what readers have been shown: what was held back before is said again. */
  resume(shown: string): void {
    this.context = shown.slice(-contextLength);
    this.held = '';
    this.looked = 0;
  }

  private take(last: boolean): string {
    const text = this.context + this.held;
    const from = this.context.length;
    const found = this.find(text).filter(({ end }) => end > from);
    const until = last ? text.length : this.certain(text, from, found);
    let result = '';
    let at = from;
    for (const { kind, start, end } of found) {
      if (start >= until) break;
      if (this.policy.actionOf.get(kind) === 'block') {
        this.blocked = kind;
        return result + text.slice(at, Math.max(at, start));
      }
      result += text.slice(at, Math.max(at, start)) + maskOf(kind);
      at = end;
    }
    result += text.slice(at, Math.max(at, until));
    const shown = Math.max(at, until);
    this.context = text.slice(Math.max(0, shown - contextLength), shown);
    this.held = text.slice(shown);
    this.looked = this.held.length;
    return result;
  }

  /** Up to where nothing more can come to it: before a word that is not at its end, and before a finding that may still grow. */
  private certain(text: string, from: number, found: readonly Span[]): number {
    const most = text.length - heldBack;
    if (text.length - from > longestFinding) return most;
    let until = most;
    while (until > from && !/\s/.test(text[until - 1] ?? '')) until -= 1;
    for (const { start, end } of found) if (start < until && end >= until) until = start;
    return Math.max(from, until);
  }

  /** Findings of kinds that are not let through; a placeholder is none. */
  private find(text: string): Span[] {
    const found = this.analyzer.analyze(text, this.policy.look);
    if (found.length === 0 || !text.includes('_')) return found;
    const placeholders = [...text.matchAll(placeholderPattern())].map(({ 0: { length }, index }) => ({
      start: index,
      end: index + length,
    }));
    return found.filter(({ start, end }) => !placeholders.some((placeholder) => placeholder.start < end && start < placeholder.end));
  }
}
