import type { Skill } from '../model-provider.ts';

/** Whose credential it is: the one of the environment, one of the platform, or one of a tenant. */
export type CredentialOwner = { kind: 'environment' } | { kind: 'platform' } | { kind: 'tenant'; tenantId: string };

/** Kinds of providers. `compatible`: whatever else speaks OpenAI's API. */
export const providerKinds = ['openai', 'azure', 'compatible', 'anthropic'] as const;

/** Kind of a provider. */
export type ProviderKind = (typeof providerKinds)[number];

/** A credential without its secret. */
export interface TargetCredential {
  /** UUID, or `environment`. */
  id: string;
  name: string;
  owner: CredentialOwner;
  kind: ProviderKind;
  /** Null = the provider's own address. */
  baseUrl: string | null;
  apiVersion: string | null;
  /** Whether an agreement covers what this provider is given (such as HIPAA's for business associates), as its owner says; absent = no. */
  covered?: boolean;
  /** Raised with each change: a provider that was opened with an earlier one is not used any more. */
  version: number;
}

/** One model at one provider under one credential. */
export interface Target {
  /** Credential and model: what has the same health has the same key. */
  key: string;
  /** For the ledger, logs and health. */
  name: string;
  /** For metrics where there may be too many names; absent = the name. */
  label?: string;
  credential: TargetCredential;
  /** The model's name in the catalog. */
  model: string;
  /** The provider's name of it; with Azure the deployment. */
  providerModel: string;
  /** True where an operator has said which model of the catalog it is: a tenant is not believed that it is a cheap one. */
  namedByOperator?: boolean;
  /** Lower ones are asked first. */
  tier: number;
  weight: number;
  /** Tokens. */
  window: number;
  /** Tokens; undefined where nobody has said. */
  maxOutput: number | undefined;
  continues: boolean;
  skills: ReadonlySet<Skill>;
}

/** Targets in the order in which they are asked, under a name. */
export interface Route {
  name: string;
  targets: Target[];
  /** Whether another target may answer what the filter of one has refused. */
  afterContentFilter: boolean;
}
