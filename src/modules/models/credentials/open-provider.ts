import type { LookupFunction } from 'node:net';
import { AnthropicProvider } from '../anthropic/anthropic-provider.ts';
import { ModelError, type ModelProvider } from '../model-provider.ts';
import type { ModelsConfig } from '../models.config.ts';
import { OpenAiProvider } from '../openai/openai-provider.ts';
import type { TargetCredential } from '../routing/target.ts';
import { isPublicAddress, literalHostOf, lookupPublic } from '../../../platform/outbound/index.ts';

/** A provider that can be closed. */
export interface OpenedProvider extends ModelProvider {
  close(): Promise<void>;
}

/** Where providers are that have one place. */
export const ownBaseUrls: Record<TargetCredential['kind'], string | undefined> = {
  openai: 'https://api.openai.com/v1',
  anthropic: 'https://api.anthropic.com',
  azure: undefined,
  compatible: undefined,
};

/** The URL that a credential leads to. */
export function baseUrlOf({ baseUrl, kind }: Pick<TargetCredential, 'baseUrl' | 'kind'>): string | undefined {
  return baseUrl ?? ownBaseUrls[kind];
}

/** Opens the provider of a credential. Throws ModelError where its URL leads to where it must not. */
export function openProvider(credential: TargetCredential, secret: string, config: ModelsConfig): OpenedProvider {
  const baseUrl = baseUrlOf(credential);
  if (baseUrl === undefined) throw new ModelError('credential', { unserved: true });
  const common = {
    apiKey: secret,
    baseUrl,
    idleTimeoutMs: config.idleTimeoutMs,
    headersTimeoutMs: config.headersTimeoutMs,
    ...guardOf(credential, baseUrl, config),
  };
  if (credential.kind === 'anthropic') return new AnthropicProvider(common);
  if (credential.kind !== 'azure') return new OpenAiProvider(common);
  return new OpenAiProvider({ ...common, azure: { endpoint: baseUrl, apiVersion: credential.apiVersion ?? config.azureApiVersion } });
}

/** Tenants name hosts on the internet, never ones inside the operator's network. */
export function guardOf(
  { owner }: Pick<TargetCredential, 'owner'>,
  baseUrl: string,
  { allowPrivateUrls }: ModelsConfig,
): { lookup?: LookupFunction } {
  if (owner.kind !== 'tenant' || allowPrivateUrls) return {};
  const literal = literalHostOf(baseUrl);
  if (literal !== undefined && !isPublicAddress(literal)) throw new ModelError('unreachable', { unserved: true });
  return { lookup: lookupPublic };
}
