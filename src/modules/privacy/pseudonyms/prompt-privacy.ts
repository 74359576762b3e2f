import { Injectable } from '@nestjs/common';
import { Analyzer } from '../anonymizer/analyzer.ts';
import { FullAnalyzer } from '../anonymizer/remote/full-analyzer.ts';
import type { EntityKind } from '../anonymizer/entity-kinds.ts';
import type { Span } from '../anonymizer/recognizer.ts';
import type { EffectivePolicy } from '../policies/privacy-policy.ts';
import { longestPlaceholder } from './placeholders.ts';
import { type AnalyzedText, Pseudonyms } from './pseudonyms.ts';

/** Findings of messages that are remembered at most: places and kinds, nothing of the text. */
const maxRemembered = 20_000;

/** A text on its way to the model. */
export interface PromptText {
  /** Whatever names the text for good; without it nothing is remembered of it. */
  id?: string;
  text: string;
}

/** What a message holds, before it is accepted. */
export interface Checked {
  /** Kinds that the bot's policy refuses. */
  blocked: EntityKind[];
  /** Bytes that hiding adds to it at most. */
  growth: number;
}

/** Looks through everything that goes to a model, by the bot's policy. */
@Injectable()
export class PromptPrivacy {
  private readonly remembered = new Map<string, readonly Span[]>();

  constructor(
    private readonly analyzer: Analyzer,
    private readonly full: FullAnalyzer,
  ) {}

  /** What a message holds that somebody wants to send. Throws 503 where a remote recognizer gives no answer and failure is closed. */
  async check(text: string, policy: EffectivePolicy): Promise<Checked> {
    const spans = await this.find(text, policy);
    const blocked = [...new Set(spans.map(({ kind }) => kind))].filter((kind) => policy.actionOf.get(kind) === 'block');
    // Each place may also be the only one where a value is recognized that stands elsewhere in the text.
    const growth = spans.reduce(
      (sum, { start, end }) => sum + occurrences(text, text.slice(start, end)) * Math.max(0, longestPlaceholder - (end - start)),
      0,
    );
    return { blocked, growth };
  }

  /** Hides what the policy says in all texts of a prompt, in order. `secret`: that of the conversation (`placeholderSecret`). */
  async hide(texts: readonly PromptText[], policy: EffectivePolicy, secret: Buffer): Promise<{ pseudonyms: Pseudonyms; texts: string[] }> {
    const pseudonyms = new Pseudonyms(secret, policy);
    const analyzed: AnalyzedText[] = [];
    for (const { id, text } of texts) {
      const spans = this.known(id, text, policy);
      // Waiting costs, and mostly there is nothing to wait for.
      analyzed.push({ text, spans: spans instanceof Promise ? await spans : spans });
    }
    return { pseudonyms, texts: pseudonyms.hideAll(analyzed) };
  }

  private known(id: string | undefined, text: string, policy: EffectivePolicy): readonly Span[] | Promise<readonly Span[]> {
    if (id === undefined) return this.find(text, policy);
    const key = `${id}|${policy.fingerprint}`;
    const spans = this.remembered.get(key);
    if (spans === undefined) return this.learn(key, this.find(text, policy));
    // The one that was used last is the last to go.
    this.remembered.delete(key);
    this.remembered.set(key, spans);
    return spans;
  }

  private learn(key: string, found: readonly Span[] | Promise<readonly Span[]>): readonly Span[] | Promise<readonly Span[]> {
    if (found instanceof Promise) return found.then((spans) => this.learn(key, spans));
    this.remembered.set(key, found);
    if (this.remembered.size > maxRemembered) this.remembered.delete(this.remembered.keys().next().value ?? '');
    return found;
  }

  private find(text: string, { look }: EffectivePolicy): readonly Span[] | Promise<readonly Span[]> {
    if (look.kinds.length === 0) return [];
    return this.full.asksElsewhere ? this.full.analyzeAll(text, look) : this.analyzer.analyze(text, look);
  }
}

function occurrences(text: string, value: string): number {
  return text.split(value).length - 1;
}
