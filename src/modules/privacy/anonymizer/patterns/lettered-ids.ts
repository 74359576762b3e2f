import { stdnum } from 'stdnum';
import { anyOf } from '../context.ts';
import type { EntityKind } from '../entity-kinds.ts';
import type { Finding, Recognizer } from '../recognizer.ts';

interface LetteredId {
  kind: EntityKind;
  name: string;
  pattern: RegExp;
  holds: (text: string) => boolean;
  /** With right check signs, and with wrong ones (it may be a slip of the pen). */
  confidence: number;
  wrong?: number;
  context: string;
}

const validator = (country: string, number: string) => {
  const check = stdnum[country]?.[number];
  if (check === undefined) throw new Error(`there is no check for ${country} ${number}`);
  return (text: string) => check.validate(text.replaceAll(/[\s.]/g, '').replaceAll(/-(?=\p{L})/gu, '')).isValid;
};

const ids: readonly LetteredId[] = [
  {
    kind: 'UK_NINO',
    name: 'uk_nino',
    pattern: /(?<![A-Za-z0-9])[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?![A-Za-z0-9])/gi,
    holds: (text) => !/^(?:BG|GB|NK|KN|TN|NT|ZZ)/i.test(text),
    confidence: 0.75,
    context: 'nino,national insurance,ni number,insurance number',
  },
  {
    kind: 'ES_NIF',
    name: 'es_nif',
    pattern: /(?<![A-Za-z0-9])\d{2}\.?\d{3}\.?\d{3}[ -]?[A-Z](?![A-Za-z0-9])/gi,
    holds: validator('ES', 'dni'),
    confidence: 0.75,
    context: 'dni,nif,documento,identidad',
  },
  {
    kind: 'ES_NIE',
    name: 'es_nie',
    pattern: /(?<![A-Za-z0-9])[XYZ][ -]?\d{7}[ -]?[A-Z](?![A-Za-z0-9])/gi,
    holds: validator('ES', 'nie'),
    confidence: 0.8,
    context: 'nie,extranjero,foreign',
  },
  {
    kind: 'IT_FISCAL_CODE',
    name: 'it_fiscal_code',
    pattern: /(?<![A-Za-z0-9])[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPR-T][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z](?![A-Za-z0-9])/gi,
    holds: validator('IT', 'codicefiscale'),
    confidence: 0.95,
    wrong: 0.4,
    context: 'codice fiscale,cf,fiscal code',
  },
  {
    kind: 'FI_PERSONAL_IDENTITY_CODE',
    name: 'fi_personal_identity_code',
    pattern: /(?<![A-Za-z0-9])(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{2}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y](?![A-Za-z0-9])/gi,
    holds: validator('FI', 'hetu'),
    confidence: 0.9,
    context: 'hetu,henkilötunnus,personal identity',
  },
  {
    kind: 'FR_NIR',
    name: 'fr_nir_with_key',
    pattern: /(?<![A-Za-z0-9])[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}(?![A-Za-z0-9])/gi,
    holds: validator('FR', 'nir'),
    confidence: 0.95,
    wrong: 0.1,
    context: 'sécurité sociale,securite sociale,nir,sécu,insee,social security',
  },
  {
    kind: 'IN_PAN',
    name: 'in_pan',
    pattern: /(?<![A-Za-z0-9])[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z](?![A-Za-z0-9])/g,
    holds: () => true,
    confidence: 0.6,
    context: 'pan,permanent account,income tax',
  },
  {
    kind: 'SG_NRIC_FIN',
    name: 'sg_nric_fin',
    pattern: /(?<![A-Za-z0-9])[STFGM]\d{7}[A-Z](?![A-Za-z0-9])/gi,
    holds: nricCheck,
    confidence: 0.85,
    wrong: 0.1,
    context: 'nric,fin,singapore',
  },
];

/** National ids that have letters. */
export const letteredIds: readonly Recognizer[] = ids.map(({ kind, name, pattern, holds, confidence, wrong = 0, context }) => ({
  name,
  kinds: [kind],
  context: { for: anyOf(context) },
  find({ text, numbers }) {
    if (numbers.length === 0) return [];
    const found: Finding[] = [];
    for (const { 0: id, index } of text.matchAll(pattern)) {
      const sure = holds(id) ? confidence : wrong;
      if (sure > 0) found.push({ kind, start: index, end: index + id.length, confidence: sure });
    }
    return found;
  },
}));

/** Weighted sum of the seven digits, with a table of letters for each series (Singapore's ICA; series M since 2022). */
function nricCheck(text: string): boolean {
  const id = text.toUpperCase();
  const weights = [2, 7, 6, 5, 4, 3, 2];
  const offset = { S: 0, T: 4, F: 0, G: 4, M: 3 }[id[0] ?? ''] ?? 0;
  const sum = weights.reduce((total, weight, at) => total + weight * Number(id[at + 1]), offset);
  const letters = id[0] === 'S' || id[0] === 'T' ? 'JZIHGFEDCBA' : id[0] === 'M' ? 'XWUTRQPNJLK' : 'XWUTRQPNMLK';
  return letters[sum % 11] === id[8];
}
