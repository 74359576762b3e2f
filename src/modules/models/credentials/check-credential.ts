import { Agent, request } from 'undici';
import { ModelError, type ModelFailure } from '../model-provider.ts';
import type { ModelsConfig } from '../models.config.ts';
import type { CredentialOwner, TargetCredential } from '../routing/target.ts';
import { baseUrlOf, guardOf } from './open-provider.ts';

/** Longest trial, in milliseconds. */
const patienceMs = 5_000;

/** A credential that is to be tried. */
export interface CredentialTrial extends Pick<TargetCredential, 'kind' | 'baseUrl' | 'apiVersion'> {
  owner: CredentialOwner;
  secret: string;
}

/**
 * Tries a credential with what every provider has and none charges for: the list of its models. Gives `ok`, or what failed;
 * `credential` is a refused key. Follows no redirect. Nothing of the answer is kept.
 */
export async function checkCredential(trial: CredentialTrial, config: ModelsConfig): Promise<'ok' | ModelFailure> {
  const baseUrl = baseUrlOf(trial);
  if (baseUrl === undefined) return 'invalid_request';
  let agent: Agent | undefined;
  try {
    const { lookup } = guardOf(trial, baseUrl, config);
    agent = new Agent({ connect: { timeout: patienceMs, ...(lookup === undefined ? {} : { lookup }) }, headersTimeout: patienceMs });
    const { url, headers } = questionOf(trial, baseUrl.replace(/\/+$/, ''), config);
    const answer = await request(url, { headers, dispatcher: agent, signal: AbortSignal.timeout(patienceMs) });
    answer.body.on('error', () => undefined);
    answer.body.destroy();
    return resultOf(answer.statusCode);
  } catch (error) {
    if (error instanceof ModelError) return error.failure;
    return error instanceof Error && /Timeout/.test(error.name) ? 'timeout' : 'unreachable';
  } finally {
    await agent?.destroy();
  }
}

function questionOf({ kind, secret, apiVersion }: CredentialTrial, baseUrl: string, config: ModelsConfig) {
  if (kind === 'azure') {
    const version = encodeURIComponent(apiVersion ?? config.azureApiVersion);
    return { url: `${baseUrl}/openai/models?api-version=${version}`, headers: { 'api-key': secret } };
  }
  if (kind === 'anthropic') return { url: `${baseUrl}/v1/models`, headers: { 'x-api-key': secret, 'anthropic-version': '2023-06-01' } };
  return { url: `${baseUrl}/models`, headers: { authorization: `Bearer ${secret}` } };
}

function resultOf(status: number): 'ok' | ModelFailure {
  if (status === 200) return 'ok';
  // 403: a key may be good for its models and yet not be allowed to list them.
  if (status === 401 || status === 402) return 'credential';
  if (status === 429) return 'throttled';
  if (status >= 500) return 'server_error';
  return status >= 400 ? 'invalid_request' : 'bad_response';
}
