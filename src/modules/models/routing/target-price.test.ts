import { expect, it } from 'vitest';
import { madeCredential, madeTarget } from '../../../../test/support/made-target.ts';
import type { CredentialOwner, Target } from './target.ts';
import { targetPrice } from './target-price.ts';

const prices = new Map([
  ['cheap', { input: 1, output: 9 }],
  ['dear', { input: 100, output: 2 }],
]);
const priceOf = (name: string) => prices.get(name);

function priced(kind: CredentialOwner['kind'], over: Partial<Target>) {
  const owner = kind === 'tenant' ? { kind, tenantId: 't' } : { kind };
  return targetPrice(madeTarget('a', { credential: madeCredential('a', { owner }), ...over }), priceOf);
}

it.each(['environment', 'platform'] as const)('a model under a key of the %s costs the dearer of its names', (kind) => {
  const dearest = { price: { input: 100, output: 9 } };
  expect(priced(kind, { model: 'cheap', providerModel: 'dear' })).toEqual(dearest);
  expect(priced(kind, { model: 'dear', providerModel: 'cheap' })).toEqual(dearest);
  expect(priced(kind, { model: 'unheard-of', providerModel: 'dear' })).toEqual({ price: { input: 100, output: 2 } });
});

it('a cheap name is no price where a tenant has given it to a model that has none', () => {
  const named = { model: 'cheap', providerModel: 'unheard-of' };
  expect(priced('environment', named)).toEqual({ price: { input: 1, output: 9 }, unpriced: 'unheard-of' });
  expect(priced('environment', { ...named, model: 'unheard-of' })).toEqual({ price: { input: 0, output: 0 }, unpriced: 'unheard-of' });
});

it('an operator may say what a deployment is', () => {
  const deployment = { providerModel: 'deployment-7', namedByOperator: true };
  expect(priced('platform', { ...deployment, model: 'cheap' })).toEqual({ price: { input: 1, output: 9 } });
  expect(priced('platform', { ...deployment, model: 'a-model' })).toEqual({ price: { input: 0, output: 0 }, unpriced: 'a-model' });
});

it('a tenant’s own key pays for what it calls its model, or for nothing', () => {
  expect(priced('tenant', { model: 'cheap', providerModel: 'dear' })).toEqual({ price: { input: 1, output: 9 } });
  expect(priced('tenant', { model: 'unheard-of', providerModel: 'dear' })).toEqual({ price: { input: 0, output: 0 } });
});
