/**
 * Kinds of personal data that can be found in a text. Names are Presidio's where it has one
 * (https://microsoft.github.io/presidio/supported_entities/), so that results can be compared and policies carried over.
 */
export const entityKinds = [
  // Of any country.
  'PERSON',
  'EMAIL_ADDRESS',
  'PHONE_NUMBER',
  'CREDIT_CARD',
  'IBAN_CODE',
  'CRYPTO',
  'IP_ADDRESS',
  'MAC_ADDRESS',
  'URL',
  'LOCATION',
  'STREET_ADDRESS',
  'ORGANIZATION',
  'NRP',
  'DATE_TIME',
  'DATE_OF_BIRTH',
  'PASSPORT',
  'DRIVER_LICENSE',
  'MEDICAL_RECORD_NUMBER',
  'SECRET',
  // Bank and tax numbers and national ids.
  'US_SSN',
  'US_ITIN',
  'US_BANK_NUMBER',
  'UK_NHS',
  'UK_NINO',
  'CA_SIN',
  'AU_TFN',
  'AU_MEDICARE',
  'IN_AADHAAR',
  'IN_PAN',
  'DE_TAX_ID',
  'FR_NIR',
  'ES_NIF',
  'ES_NIE',
  'IT_FISCAL_CODE',
  'NL_BSN',
  'BE_NATIONAL_NUMBER',
  'PL_PESEL',
  'PT_NIF',
  'FI_PERSONAL_IDENTITY_CODE',
  'SE_PERSONNUMMER',
  'DK_CPR',
  'NO_FODSELSNUMMER',
  'CH_AHV',
  'BR_CPF',
  'SG_NRIC_FIN',
  'ZA_ID',
  // A tenant's own patterns and dictionaries.
  'CUSTOM',
] as const;

/** Kind of a piece of personal data. */
export type EntityKind = (typeof entityKinds)[number];

/** Languages whose context words and names are known. Other texts are read as English. */
export const languages = ['en', 'de', 'fr', 'es', 'it'] as const;

/** A language by its ISO 639-1 code. */
export type Language = (typeof languages)[number];
