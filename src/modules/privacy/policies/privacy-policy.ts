import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { AnalyzeOptions } from '../anonymizer/analyzer.ts';
import { CustomData } from '../anonymizer/custom/custom-data.schemas.ts';
import { customRecognizers } from '../anonymizer/custom/custom-recognizers.ts';
import { type EntityKind, entityKinds } from '../anonymizer/entity-kinds.ts';

/** What becomes of a kind of personal data on its way to the model. */
export const actions = ['off', 'mask', 'pseudonymise', 'block'] as const;

/** What becomes of it. `mask`: nobody gets it back; `pseudonymise`: readers of the answer get it back; `block`: the message is refused. */
export type Action = (typeof actions)[number];

/** What can become of it in what the model says: what it says by itself is nobody's to get back. */
export const answerActions = ['off', 'mask', 'block'] as const;

/** What becomes of it there. `block`: the answer ends before it. */
export type AnswerAction = (typeof answerActions)[number];

/** A bot's own policy. What it does not name is as in the default. */
export const PrivacyPolicy = z
  .strictObject({
    /** For what goes to the model: messages, and whatever is found for them. */
    kinds: z.partialRecord(z.enum(entityKinds), z.enum(actions)).default({}),
    /** For what the model says by itself; what is not named is let through. A visitor's own data, which the model had as placeholders, is no part of it. */
    answers: z.partialRecord(z.enum(entityKinds), z.enum(answerActions)).optional(),
    /** Findings below it do not count; 0 to 1. */
    min_confidence: z.number().min(0.1).max(1).optional(),
    /** What is personal data here besides what is built in, and what is none. */
    custom: CustomData.optional(),
  })
  .meta({ id: 'PrivacyPolicy' });
/** A bot's own policy, validated. */
export type PrivacyPolicy = z.output<typeof PrivacyPolicy>;

/**
 * Kinds that a model can answer without, and that tell who somebody is or open something of theirs. Names, places, dates and the like
 * stay as they are unless a bot says otherwise: without them many questions have another answer.
 */
const hiddenByDefault: ReadonlySet<EntityKind> = new Set(
  entityKinds.filter(
    (each) =>
      !['PERSON', 'LOCATION', 'STREET_ADDRESS', 'ORGANIZATION', 'NRP', 'DATE_TIME', 'DATE_OF_BIRTH', 'URL', 'IP_ADDRESS'].includes(each),
  ),
);

/** How much is hidden where a bot says nothing: direct identifiers, or everything. */
export type PrivacyDefault = 'standard' | 'strict';

/** What is looked for in answers, and what becomes of it. */
export interface AnswerPolicy {
  actionOf: ReadonlyMap<EntityKind, AnswerAction>;
  /** Without kinds nothing is looked for. */
  look: AnalyzeOptions & { kinds: readonly EntityKind[] };
}

/** A policy with its defaults filled in. */
export interface EffectivePolicy {
  actionOf: ReadonlyMap<EntityKind, Action>;
  /** What to look for in what goes to the model; without kinds nothing. */
  look: AnalyzeOptions & { kinds: readonly EntityKind[] };
  /** Equal for policies that find the same. */
  fingerprint: string;
  answers: AnswerPolicy;
}

/** Policies that are remembered at most: making one compiles its patterns. */
const maxRemembered = 500;
const remembered = new Map<string, EffectivePolicy>();

/** What holds for a bot; null = it has said nothing. */
export function effectivePolicy(own: PrivacyPolicy | null, defaults: PrivacyDefault = 'standard'): EffectivePolicy {
  const name = JSON.stringify([own, defaults]);
  const known = remembered.get(name);
  if (known !== undefined) return known;
  const effective = resolve(own ?? { kinds: {} }, defaults);
  if (remembered.size >= maxRemembered) remembered.delete(remembered.keys().next().value ?? '');
  remembered.set(name, effective);
  return effective;
}

function resolve(
  { kinds: own, answers = {}, min_confidence: minConfidence, custom }: PrivacyPolicy,
  defaults: PrivacyDefault,
): EffectivePolicy {
  const standard = (each: EntityKind): Action => (defaults === 'strict' || hiddenByDefault.has(each) ? 'pseudonymise' : 'off');
  const actionOf = new Map(entityKinds.map((each) => [each, own[each] ?? standard(each)] as const));
  const kinds = entityKinds.filter((each) => actionOf.get(each) !== 'off');
  const answerActionOf = new Map(entityKinds.map((each) => [each, answers[each] ?? 'off'] as const));
  const how = {
    ...(custom === undefined ? {} : customRecognizers(custom)),
    ...(minConfidence === undefined ? {} : { minConfidence }),
  };
  return {
    actionOf,
    look: { kinds, ...how },
    answers: {
      actionOf: answerActionOf,
      look: { kinds: entityKinds.filter((each) => answerActionOf.get(each) !== 'off'), ...how },
    },
    fingerprint: createHash('sha256')
      .update(JSON.stringify([kinds, minConfidence ?? null, custom ?? null]))
      .digest('base64url'),
  };
}
