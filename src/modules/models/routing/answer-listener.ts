import type { ModelFailure, ModelRequest, ModelResult, ModelUsage, Price, Skill } from '../model-provider.ts';

/** A provider call that is about to begin. */
export interface PlannedCall {
  /** Who is asked: the name of the target, for the ledger and metrics. */
  target: string;
  /** The provider's name of the model. */
  model: string;
  /** Upper bound of what the provider can count as input: no tokenizer gives more tokens than there are bytes. */
  inputBound: number;
  /** Tokens that the answer may have. */
  maxOutputTokens: number;
  /** The price in force as the call begins, in micro-units of money for a million tokens. */
  price: Price;
}

/** How a provider call ended. */
export interface EndedCall {
  outcome: ModelResult['finishReason'] | ModelFailure;
  /** What the provider has counted, where it said so. */
  usage?: ModelUsage;
  /** True where the provider is known to have served nothing. */
  unserved: boolean;
}

/** Who an answer streams to. It keeps the text: a call that goes on begins where the reader is. */
export interface ModelListener {
  /**
   * A provider call begins. Called before each one; a rejection stops the answer. It may lower the bound of the answer, where less
   * is left of a quota.
   */
  onCall(call: PlannedCall): Promise<{ maxOutputTokens: number } | void> | { maxOutputTokens: number } | void;
  /** The call that began last has ended; told once for each, before the next one begins. */
  onCallEnd(end: EndedCall): void;
  /** One piece of the answer. */
  onText(text: string): void;
  /** What was shown does not hold: the answer begins anew. Afterwards `shown` is empty. */
  onRestart(): void;
  /** The answer so far, as readers have it; an earlier attempt may have begun it. */
  shown(): string;
}

/** An answer to ask for. `maxOutputTokens` is meant for the whole of it, what is shown already included. */
export interface AnswerRequest extends Omit<ModelRequest, 'prefix' | 'onHeaders'> {
  /** Name of a route or of a model. */
  model: string;
  /** Whose routes and credentials count. Without it there is only the provider of the environment. */
  tenantId?: string;
  /** What the answer takes; targets that lack one of these are left out. */
  needs?: readonly Skill[];
  /** Our own count of the prompt in tokens, where the caller has it. */
  inputTokens?: number;
}
