import type { EntityKind } from '../../../src/modules/privacy/anonymizer/entity-kinds.ts';
import { type Counts, ratesOf, sumOf } from './score.ts';

/** Recall that has to be reached, by kind. */
const floors: Partial<Record<EntityKind, number>> = {
  EMAIL_ADDRESS: 0.98,
  CREDIT_CARD: 0.98,
  IBAN_CODE: 0.98,
  US_SSN: 0.98,
  PHONE_NUMBER: 0.9,
  PERSON: 0.85,
  STREET_ADDRESS: 0.75,
  LOCATION: 0.75,
};
/** F2 that all kinds together have to reach. */
const overall = 0.88;

/** What is below its floor, as lines to print. */
export function belowFloors(counts: ReadonlyMap<EntityKind, Counts>): string[] {
  const low: string[] = [];
  for (const [kind, floor] of Object.entries(floors) as [EntityKind, number][]) {
    const of = counts.get(kind);
    const recall = of === undefined ? 0 : ratesOf(of).recall;
    if (!(recall >= floor)) low.push(`recall of ${kind} is ${recall.toFixed(3)}, below ${floor}`);
  }
  const { f2 } = ratesOf(sumOf(counts.values()));
  if (!(f2 >= overall)) low.push(`F2 of all kinds is ${f2.toFixed(3)}, below ${overall}`);
  return low;
}
