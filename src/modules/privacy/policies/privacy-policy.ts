import { z } from 'zod';
import { type EntityKind, entityKinds } from '../anonymizer/entity-kinds.ts';

/** What becomes of a kind of personal data on its way to the model. */
export const actions = ['off', 'mask', 'pseudonymise', 'block'] as const;

/** What becomes of it. `mask`: nobody gets it back; `pseudonymise`: readers of the answer get it back; `block`: the message is refused. */
export type Action = (typeof actions)[number];

/** What becomes of personal data that a model says by itself. */
export const outputActions = ['off', 'mask'] as const;

const kind = z.enum(entityKinds);

/** A bot's own policy. What it does not name is as in the default. */
export const PrivacyPolicy = z
  .strictObject({
    /** For what goes to the model: messages, and whatever is found for them. */
    kinds: z.partialRecord(kind, z.enum(actions)).default({}),
    /** For what the model says and nobody has told it in this conversation. */
    output: z.partialRecord(kind, z.enum(outputActions)).default({}),
    /** Findings below it do not count; 0 to 1. */
    min_confidence: z.number().min(0.1).max(1).optional(),
    /** Texts that are no personal data here, whatever they look like. */
    allow: z.array(z.string().trim().min(1).max(200)).max(1_000).default([]),
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

/** A policy with its defaults filled in. */
export interface EffectivePolicy {
  actionOf: ReadonlyMap<EntityKind, Action>;
  /** Kinds to look for in what goes to the model. */
  inputKinds: readonly EntityKind[];
  /** Kinds to mask in what the model says by itself. */
  outputKinds: readonly EntityKind[];
  minConfidence: number | undefined;
  /** In lower case. */
  allow: ReadonlySet<string>;
  /** Equal for policies that find the same. */
  fingerprint: string;
}

const remembered = new WeakMap<PrivacyPolicy, Map<PrivacyDefault, EffectivePolicy>>();
const none: PrivacyPolicy = { kinds: {}, output: {}, allow: [] };

/** What holds for a bot; null = it has said nothing. */
export function effectivePolicy(own: PrivacyPolicy | null, defaults: PrivacyDefault = 'standard'): EffectivePolicy {
  const policy = own ?? none;
  const known = remembered.get(policy) ?? new Map<PrivacyDefault, EffectivePolicy>();
  const effective = known.get(defaults) ?? resolve(policy, defaults);
  remembered.set(policy, known.set(defaults, effective));
  return effective;
}

function resolve(policy: PrivacyPolicy, defaults: PrivacyDefault): EffectivePolicy {
  const standard = (each: EntityKind): Action => (defaults === 'strict' || hiddenByDefault.has(each) ? 'pseudonymise' : 'off');
  const actionOf = new Map(entityKinds.map((each) => [each, policy.kinds[each] ?? standard(each)] as const));
  const inputKinds = entityKinds.filter((each) => actionOf.get(each) !== 'off');
  return {
    actionOf,
    inputKinds,
    outputKinds: entityKinds.filter((each) => policy.output[each] === 'mask'),
    minConfidence: policy.min_confidence,
    allow: new Set(policy.allow.map((text) => text.toLowerCase())),
    fingerprint: JSON.stringify([inputKinds, policy.min_confidence ?? null, policy.allow]),
  };
}
