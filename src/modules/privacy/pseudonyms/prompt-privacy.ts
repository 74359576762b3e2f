import { Inject, Injectable } from '@nestjs/common';
import { Analyzer } from '../anonymizer/analyzer.ts';
import { FullAnalyzer } from '../anonymizer/remote/full-analyzer.ts';
import type { EntityKind } from '../anonymizer/entity-kinds.ts';
import type { Span } from '../anonymizer/recognizer.ts';
import { charactersAtOnce, TurnTaking } from '../anonymizer/turn-taking.ts';
import { TenantPrivacy } from '../mode/tenant-privacy.ts';
import { type EffectivePolicy, effectivePolicy, type PrivacyPolicy } from '../policies/privacy-policy.ts';
import { AnswerMasking } from './answer-masking.ts';
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
  /** Bytes that hiding what was found in it adds to it at most. */
  growth: number;
}

/** Looks through everything that goes to a model, by the bot's policy. */
@Injectable()
export class PromptPrivacy {
  private readonly remembered = new Map<string, readonly Span[]>();

  constructor(
    private readonly analyzer: Analyzer,
    private readonly full: FullAnalyzer,
    @Inject(TenantPrivacy) private readonly tenants: Pick<TenantPrivacy, 'modeOf'>,
  ) {}

  /** What holds for a bot of a tenant: what it says itself, else what the tenant's privacy mode says. */
  async policyOf(tenantId: string, own: PrivacyPolicy | null): Promise<EffectivePolicy> {
    return effectivePolicy(own, await this.tenants.modeOf(tenantId));
  }

  /** What a message holds that somebody wants to send. Throws 503 where a remote recognizer gives no answer and failure is closed. */
  async check(text: string, policy: EffectivePolicy): Promise<Checked> {
    const spans = await this.find(text, policy);
    const blocked = [...new Set(spans.map(({ kind }) => kind))].filter((kind) => policy.actionOf.get(kind) === 'block');
    const growth = spans.reduce((sum, { start, end }) => sum + Math.max(0, longestPlaceholder - (end - start)), 0);
    return { blocked, growth };
  }

  /** Bytes that hiding adds to some texts. */
  async growthOf(texts: readonly string[], policy: EffectivePolicy): Promise<number> {
    const turns = new TurnTaking();
    let total = 0;
    for (const text of texts) {
      total += (await this.check(text, policy)).growth;
      await turns.after(text.length);
    }
    return total;
  }

  /** Hides what the policy says in all texts of a prompt, in order. `secret`: that of the conversation (`placeholderSecret`). */
  async hide(texts: readonly PromptText[], policy: EffectivePolicy, secret: Buffer): Promise<{ pseudonyms: Pseudonyms; texts: string[] }> {
    const pseudonyms = new Pseudonyms(secret, policy);
    const analyzed: AnalyzedText[] = [];
    const turns = new TurnTaking();
    // Waiting costs, and mostly there is nothing to wait for.
    for (const { id, text } of texts) {
      const spans = this.known(id, text, policy);
      analyzed.push({ text, spans: spans instanceof Promise ? await spans : spans });
      const turn = turns.after(text.length);
      if (turn !== undefined) await turn;
    }
    pseudonyms.learn(analyzed);
    const hidden: string[] = [];
    for (const each of analyzed) {
      hidden.push(pseudonyms.hide(each));
      const turn = turns.after(each.text.length);
      if (turn !== undefined) await turn;
    }
    return { pseudonyms, texts: hidden };
  }

  /** What hides personal data in an answer of a bot. A recognizer elsewhere is not asked: an answer does not wait for it. */
  answerMasking({ answers }: EffectivePolicy): AnswerMasking {
    return new AnswerMasking(this.analyzer, answers);
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
    const atOnce = !this.full.asksElsewhere && text.length <= charactersAtOnce;
    return atOnce ? this.analyzer.analyze(text, look) : this.full.analyzeAll(text, look);
  }
}
