import { expect, it } from 'vitest';
import { madeTarget } from '../../../../test/support/made-target.ts';
import { loadTopics } from '../../../platform/config/index.ts';
import { Catalog } from '../catalog/catalog.ts';
import type { ProviderPool } from '../credentials/provider-pool.ts';
import type { ModelProvider, ModelRequest, ModelResult } from '../model-provider.ts';
import { type ModelsConfig, modelsConfig } from '../models.config.ts';
import type { Passage } from './breaker.ts';
import { TargetCalls } from './target-calls.ts';
import { TargetHealths } from './target-healths.ts';

/** The steps of a call to a provider that sends headers with a status, then thinks, then writes. */
async function stepsOf(status: number): Promise<string[]> {
  const steps: string[] = [];
  const step = (name: string) => () => void steps.push(name);
  const stream = (request: ModelRequest): Promise<ModelResult> => {
    request.onHeaders?.(status, new Headers());
    steps.push('thinks');
    return Promise.resolve({ finishReason: 'stop' });
  };
  const providers = { use: (_credential: unknown, call: (provider: ModelProvider) => unknown) => call({ stream }) };
  const healths = new TargetHealths(loadTopics([modelsConfig], {}).get(modelsConfig.token) as ModelsConfig);
  const passage: Passage = { answered: step('answered'), succeeded: step('ended'), failed: step('ended'), withdrawn: step('ended') };
  await new TargetCalls(providers as unknown as ProviderPool, healths, new Catalog()).make(
    {
      target: madeTarget('a'),
      size: { messages: [], promptTokens: 1, maxOutputTokens: 1 },
      turn: { observe: step('observed'), end: () => undefined },
      passage,
      request: { model: 'm', messages: [], maxOutputTokens: 1, signal: new AbortController().signal, deadlineAt: Number.MAX_SAFE_INTEGER },
      prefix: '',
    },
    { onCall: () => undefined, onCallEnd: () => undefined, onText: () => undefined, onRestart: () => undefined, shown: () => '' },
  );
  return steps;
}

it('a call is answered when the headers of a success come, before the first text', async () => {
  expect(await stepsOf(200)).toEqual(['answered', 'observed', 'thinks', 'ended']);
  expect(await stepsOf(500)).toEqual(['observed', 'thinks', 'ended']);
});
