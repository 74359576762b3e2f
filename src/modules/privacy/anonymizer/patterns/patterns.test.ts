import { expect, test } from 'vitest';
import { Analyzer } from '../analyzer.ts';
import type { EntityKind } from '../entity-kinds.ts';
import { patternRecognizers } from '../recognizers.ts';

/** Texts in which «…» marks what a recognizer has to find, and texts in which it must find nothing. */
interface Rows {
  kind: EntityKind;
  finds: string[];
  leaves: string[];
}

const table: Record<string, Rows> = {
  email: {
    kind: 'EMAIL_ADDRESS',
    finds: [
      'Write to «john.doe+tag@example.co.uk».',
      '"«o\'brien_99@mail-host.io»"',
      'mailto:«info@müller.de»?subject=x',
      '<«x@[10.0.0.1]»>',
    ],
    leaves: ['@john said hi', 'a@b', 'user@', '@@@', 'see @types/node and foo@1.2.3'],
  },
  phone: {
    kind: 'PHONE_NUMBER',
    finds: [
      'Call «(555) 123-4567» or «555.123.4567 x1234».',
      '«+44 20 7946 0958» / «0171-3920990» / «001-234-567-8901x123»',
      'tel:«+15551234567» phone=«5551234567»',
      'Meine Nummer ist «0171 3920990».',
      'Appelez le «01 23 45 67 89» svp',
      'Móvil: «612 345 678»',
      'later, if idle, call «5551234567»',
      'numbers: «070 5319 9312», «079 637 36 26», «(02) 4011 3945», «06-12345678»',
      'text me at «1-800-555-0199»',
      'Rückruf unter «04421 / 55 50 12», «(0161) 555 0130»',
    ],
    leaves: [
      'Order #123456789 shipped 2023-01-15 10:30:00',
      'ISBN 978-3-16-148410-0, tracking 1Z999AA10123456784',
      'It costs $1,234.56 or 100 000 000 EUR, 1 000 000 users',
      'at 40.712776, -74.005974 on 12.05.1987 or 12-05-1987',
      '550e8400-e29b-41d4-a716-446655440000 at 1700000000, rooms 101-102, 2020-2021',
      'Invoice no. 555-123-4567-89-1234567',
      'IP 192.168.100.200, version 10.0.19045',
    ],
  },
  credit_card: {
    kind: 'CREDIT_CARD',
    finds: [
      'Pay with «4111 1111 1111 1111» exp 12/27 cvv 123',
      'amex «378282246310005»',
      '«5555-5555-5555-4444»',
      '«6011111111111117», «30569309025904»',
    ],
    leaves: ['order 1234567890123456', '4111 1111 1111 1112', '0000 0000 0000 0000', '94111111111111111112345'],
  },
  credit_card_unchecked: {
    kind: 'CREDIT_CARD',
    finds: ['my card «4111 1111 1111 1112» was refused', 'simply refund my card «4539148803436460»', 'Visa: «4539148803436460»'],
    leaves: [
      '4111 1111 1111 1112',
      'card for tracking 4111 1111 1111 1112',
      'card 9111 1111 1111 1112',
      'paid by card, order 4111111111111112',
    ],
  },
  iban: {
    kind: 'IBAN_CODE',
    finds: [
      'IBAN «DE89 3704 0044 0532 0130 00» und «GB29NWBK60161331926819».',
      '«fr1420041010050500013m02606»',
      '«ES1663428089587127640773» has the right check digits, but not its bank',
    ],
    leaves: ['DE88 3704 0044 0532 0130 00', 'AB12 is a code with some more words here'],
  },
  iban_unchecked: {
    kind: 'IBAN_CODE',
    finds: ['IBAN «DE88 3704 0044 0532 0130 00» please', 'Konto «GB28NWBK60161331926819»'],
    leaves: ['DE88 3704 0044 0532 0130 00', 'IBAN DE88 3704 0044', 'coupon DE88370400440532013000'],
  },
  ip_address: {
    kind: 'IP_ADDRESS',
    finds: ['from «192.168.1.20»:8080, VPN «10.8.0.1»', '[«2001:db8::1»]:443 and «fe80::1»%eth0', '«::ffff:10.0.0.1»'],
    leaves: ['version 1.2.3.4', 'at 10:30:45', '1.2.3.4.5', '300.1.1.1', 'std::vector::size'],
  },
  mac_address: {
    kind: 'MAC_ADDRESS',
    finds: ['mac «00:1A:2B:3C:4D:5E», «00-1a-2b-3c-4d-5e»'],
    leaves: ['00:1A:2B:3C:4D', '10:20:30:40:50:60:70:80'],
  },
  url: {
    kind: 'URL',
    finds: ['see «https://user:pass@example.com/path?x=1».', '(«www.example.com/a_(b)»)', 'on «example.co.uk»!'],
    leaves: ['main.ts and file.json', 'e.g. this', 'a.b', 'Node.js'],
  },
  crypto: {
    kind: 'CRYPTO',
    finds: [
      'BTC «1BoatSLRHtKNngkdXEeobR76b53LETtpyT»',
      '«bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq»',
      '«0x52908400098527886E0F7030069857D2E4169EE7»',
    ],
    leaves: ['1BoatSLRHtKNngkdXEeobR76b53LETtpyU', '0x52908400098527886E0F7030069857D2E4169E'],
  },
  secret: {
    kind: 'SECRET',
    finds: [
      'key «sk_live_abcdefghijklmnop123» «AKIAIOSFODNN7EXAMPLE»',
      'password: «hunter2»! and pwd is «Tr0ub4dor&3»',
      '«-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----» ok',
      'Authorization: Bearer «eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcDEF123»',
    ],
    leaves: ['the password is wrong', 'a secret garden', 'my api key does not work', 'password reset link'],
  },
  us_ssn: {
    kind: 'US_SSN',
    finds: [
      'My SSN is «123-45-6789».',
      'social security number «123456789»',
      'SSN: «219.09.9999»',
      'it is «219-09-9999»',
      'SSN «912-70-1234»',
    ],
    leaves: ['Order 123456789', '000-12-3456', '123-45-67890'],
  },
  us_itin: { kind: 'US_ITIN', finds: ['ITIN «912-70-1234»'], leaves: ['912-34-1234'] },
  uk_nhs: { kind: 'UK_NHS', finds: ['NHS «943 476 5919»', 'patient «943-476-5919»'], leaves: ['NHS 943 476 5918'] },
  ca_sin: { kind: 'CA_SIN', finds: ['SIN: «130 692 544»'], leaves: ['SIN: 130 692 545'] },
  au_tfn: { kind: 'AU_TFN', finds: ['TFN «123 456 782»'], leaves: ['TFN 123 456 783'] },
  au_medicare: { kind: 'AU_MEDICARE', finds: ['Medicare «2123 45670 1»'], leaves: ['Medicare 2123 45671 1'] },
  in_aadhaar: { kind: 'IN_AADHAAR', finds: ['Aadhaar «2341 2341 2346»'], leaves: ['2341 2341 2347'] },
  de_tax_id: { kind: 'DE_TAX_ID', finds: ['Steuer-ID «36 574 261 809»', 'IdNr. «36574261809»'], leaves: ['36 574 261 808'] },
  fr_nir: { kind: 'FR_NIR', finds: ['numéro de sécu «2 55 08 14 168 025»'], leaves: ['2550814168025 articles'] },
  fr_nir_with_key: { kind: 'FR_NIR', finds: ['«2 55 08 14 168 025 38»'], leaves: ['2 55 08 14 168 025 39'] },
  nl_bsn: { kind: 'NL_BSN', finds: ['BSN «111222333»'], leaves: ['BSN 111222334', '111222333 items'] },
  be_national_number: { kind: 'BE_NATIONAL_NUMBER', finds: ['«85.07.30-033.28»'], leaves: ['85.07.30-033.29'] },
  pl_pesel: { kind: 'PL_PESEL', finds: ['PESEL «44051401359»'], leaves: ['44051401358'] },
  pt_nif: { kind: 'PT_NIF', finds: ['NIF «501 964 843»'], leaves: ['NIF 501 964 842'] },
  se_personnummer: { kind: 'SE_PERSONNUMMER', finds: ['«811228-9874», «19811228-9874»'], leaves: ['811228-9875'] },
  dk_cpr: { kind: 'DK_CPR', finds: ['CPR «211062-5629»'], leaves: ['991362-5629'] },
  no_fodselsnummer: { kind: 'NO_FODSELSNUMMER', finds: ['fødselsnummer «151086 95088»'], leaves: ['151086 95089'] },
  ch_ahv: { kind: 'CH_AHV', finds: ['AHV «756.9217.0769.85»'], leaves: ['756.9217.0769.86'] },
  br_cpf: { kind: 'BR_CPF', finds: ['CPF «529.982.247-25»'], leaves: ['529.982.247-26'] },
  za_id: { kind: 'ZA_ID', finds: ['ID number «7503305044089»'], leaves: ['7503305044088'] },
  uk_nino: { kind: 'UK_NINO', finds: ['NI number «AB 12 34 56 C»', '«JG103759A»'], leaves: ['BG103759A', 'QQ123456C'] },
  es_nif: { kind: 'ES_NIF', finds: ['DNI «12345678Z»', '«12.345.678-Z»'], leaves: ['12345678A'] },
  es_nie: { kind: 'ES_NIE', finds: ['NIE «X1234567L»'], leaves: ['X1234567A'] },
  it_fiscal_code: { kind: 'IT_FISCAL_CODE', finds: ['«RSSMRA85T10A562S»'], leaves: ['RSSMRA85T10A56'] },
  fi_personal_identity_code: { kind: 'FI_PERSONAL_IDENTITY_CODE', finds: ['«131052-308T»'], leaves: ['131052-308U'] },
  in_pan: { kind: 'IN_PAN', finds: ['PAN «ABCPE1234F»'], leaves: ['ABCDE1234F'] },
  sg_nric_fin: { kind: 'SG_NRIC_FIN', finds: ['«S1234567D»'], leaves: ['S1234567A'] },
  passport: {
    kind: 'PASSPORT',
    finds: ['my passport number is «912803456»', 'Reisepass: «C01X00T47»', 'passport «X1234567»'],
    leaves: ['passport control at 9', 'I lost my passport yesterday'],
  },
  driver_license: {
    kind: 'DRIVER_LICENSE',
    finds: ["driver's license «D1234567»", 'license number: «S123-4567-8901», license «S530-4402-8876»', 'Führerschein «B072RRE2I55»'],
    leaves: ['a software license for 25 users', 'MIT license 2023'],
  },
  medical_record_number: {
    kind: 'MEDICAL_RECORD_NUMBER',
    finds: ['MRN: «00123456»', 'patient id «A-778-21»'],
    leaves: ['the patient has 2 kids', 'chart a course'],
  },
  bank_account: {
    kind: 'US_BANK_NUMBER',
    finds: ['account number «1234567890»', 'sort code «12-34-56»'],
    leaves: ['my account is locked for 3 days'],
  },
};

const analyzer = new Analyzer(patternRecognizers);

function marked(row: string): { text: string; wanted: string[] } {
  return { text: row.replaceAll(/[«»]/g, ''), wanted: [...row.matchAll(/«([^»]*)»/g)].map(([, inside]) => inside ?? '') };
}

test('every recognizer has its table', () => {
  expect(Object.keys(table).sort()).toEqual(patternRecognizers.map(({ name }) => name).sort());
});

for (const [name, { kind, finds, leaves }] of Object.entries(table)) {
  test(`${name} finds what it should`, () => {
    for (const row of finds) {
      const { text, wanted } = marked(row);
      const found = analyzer.analyze(text).filter((span) => span.kind === kind);
      expect(
        found.map(({ start, end }) => text.slice(start, end)),
        row,
      ).toEqual(wanted);
    }
  });
  test(`${name} leaves what only looks like it`, () => {
    for (const text of leaves) {
      expect(
        analyzer
          .analyze(text)
          .filter((span) => span.kind === kind && span.recognizer === name)
          .map(({ start, end }) => text.slice(start, end)),
        text,
      ).toEqual([]);
    }
  });
}
