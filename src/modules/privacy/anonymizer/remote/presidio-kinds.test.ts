import { expect, it } from 'vitest';
import { kindOfPresidio } from './presidio-kinds.ts';

it.each([
  ['PERSON', 'PERSON'],
  ['US_DRIVER_LICENSE', 'DRIVER_LICENSE'],
  ['US_PASSPORT', 'PASSPORT'],
  ['ZA_ID_NUMBER', 'ZA_ID'],
  ['UK_POSTCODE', 'LOCATION'],
  ['SHIP_NAME', 'CUSTOM'],
  ['constructor', 'CUSTOM'],
])('%s is %s', (entityType, kind) => {
  expect(kindOfPresidio(entityType)).toBe(kind);
});
