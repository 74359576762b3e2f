import { type EntityKind, entityKinds } from '../entity-kinds.ts';

/** Presidio's names for what has another one here (https://microsoft.github.io/presidio/supported_entities/). */
const renamed: Readonly<Record<string, EntityKind>> = {
  US_DRIVER_LICENSE: 'DRIVER_LICENSE',
  UK_DRIVING_LICENCE: 'DRIVER_LICENSE',
  IT_DRIVER_LICENSE: 'DRIVER_LICENSE',
  KR_DRIVER_LICENSE: 'DRIVER_LICENSE',
  US_PASSPORT: 'PASSPORT',
  UK_PASSPORT: 'PASSPORT',
  DE_PASSPORT: 'PASSPORT',
  ES_PASSPORT: 'PASSPORT',
  IT_PASSPORT: 'PASSPORT',
  IN_PASSPORT: 'PASSPORT',
  KR_PASSPORT: 'PASSPORT',
  UK_POSTCODE: 'LOCATION',
  DE_PLZ: 'LOCATION',
  GPE: 'LOCATION',
  LOC: 'LOCATION',
  ORG: 'ORGANIZATION',
  PER: 'PERSON',
  ZA_ID_NUMBER: 'ZA_ID',
};

const known: ReadonlySet<string> = new Set(entityKinds);

/** The kind of what Presidio calls so. What it knows beyond our kinds is CUSTOM: it was set up to be found. */
export function kindOfPresidio(entityType: string): EntityKind {
  const own = Object.hasOwn(renamed, entityType) ? renamed[entityType] : undefined;
  return own ?? (known.has(entityType) ? (entityType as EntityKind) : 'CUSTOM');
}
