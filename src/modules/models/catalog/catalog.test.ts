import { afterEach, expect, it } from 'vitest';
import { replaceClock } from '../../../kernel/clock.ts';
import { Catalog, type CatalogModel } from './catalog.ts';

const now = Date.parse('2027-01-01T00:00:00Z');
const model = (name: string, window: number, prices: CatalogModel['prices'] = []): CatalogModel => ({
  ...{ name, window, maxOutput: null, vision: false, tools: false, reasoning: false, continues: false },
  prices,
});

function catalog(): Catalog {
  const made = new Catalog();
  made.replace([
    model('gpt-4', 8_192, [{ startsAt: 0, input: 9, output: 9 }]),
    model('gpt-4o', 128_000, [
      { startsAt: now + 1_800_000, input: 7, output: 1 },
      { startsAt: now - 1_000, input: 2, output: 4 },
      { startsAt: 0, input: 5, output: 10 },
    ]),
  ]);
  return made;
}

let restore = () => undefined as void;
afterEach(() => restore());

it('finds a model by the longest beginning of its name, at a dash', () => {
  const names = ['gpt-4o', 'gpt-4o-2024-08-06', 'gpt-4-32k', 'gpt-4omega', 'gpt-5'].map((name) => catalog().find(name)?.name);
  expect(names).toEqual(['gpt-4o', 'gpt-4o', 'gpt-4', undefined, undefined]);
});

it('prices a call by what was in force when it began', () => {
  const at = (time: number) => catalog().price('gpt-4o', time);
  expect([at(now - 1_001), at(now - 1_000), at(now + 1_800_000)]).toEqual([
    { input: 5, output: 10 },
    { input: 2, output: 4 },
    { input: 7, output: 1 },
  ]);
});

it('takes a snapshot for the model itself, and a variant for another one', () => {
  expect(catalog().price('gpt-4o-2024-08-06', now)).toEqual({ input: 2, output: 4 });
  expect(catalog().price('gpt-4o-mini', now)).toBeUndefined();
  expect(catalog().priceBound('gpt-4o-mini')).toBeUndefined();
});

it('bounds a price by the one that begins within the hour', () => {
  restore = replaceClock({ now: () => now });
  expect(catalog().priceBound('gpt-4o')).toEqual({ input: 7, output: 4 });
});
