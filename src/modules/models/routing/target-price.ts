import { dearest } from '../catalog/catalog.ts';
import type { Price } from '../model-provider.ts';
import type { Target } from './target.ts';

/** What a target costs. */
export interface TargetPrice {
  /** Nothing where no price is known. */
  price: Price;
  /** The model whose price somebody else than its user would have to know, and nobody does. */
  unpriced?: string;
}

/**
 * The price of a target by a look-up of names. Whoever pays the provider must not be told by others what it costs: with a key of the platform
 * it is the dearer of the catalog's name and the provider's, and where a tenant has named the model, the provider's name must have a
 * price. A tenant's own key pays whatever it calls its model.
 */
export function targetPrice(target: Target, priceOf: (name: string) => Price | undefined): TargetPrice {
  const { model, providerModel, credential, namedByOperator } = target;
  const said = priceOf(model);
  if (credential.owner.kind === 'tenant') return { price: dearest(said === undefined ? [] : [said]) };
  const real = priceOf(providerModel);
  const price = dearest([said, real].filter((each) => each !== undefined));
  if (real !== undefined || (namedByOperator === true && said !== undefined)) return { price };
  return { price, unpriced: namedByOperator === true ? model : providerModel };
}
