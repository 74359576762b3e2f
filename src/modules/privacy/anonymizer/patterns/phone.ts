import { type CountryCode, getCountryCallingCode, parsePhoneNumberFromString } from 'libphonenumber-js/max';
import metadata from 'libphonenumber-js/max/metadata';
import { anyOf } from '../context.ts';
import type { Finding, Recognizer } from '../recognizer.ts';
import type { NumberRun, TextInput } from '../text-input.ts';

/** Digits of a phone number, country code and trunk prefix included (ITU-T E.164 allows 15). */
const fewest = 7;
const most = 16;

/** Regions whose national numbers are known by themselves. */
const regions = 'US GB AU NZ IE ZA IN DE AT CH FR BE LU ES MX AR CO CL PE IT NL SE NO DK FI PL CZ PT BR HU GR SI IS EE JP CN TR IL'.split(
  ' ',
) as CountryCode[];

/** Digits of the national numbers of a region, in the metadata of libphonenumber: the third entry of a numbering plan in its form 4. */
const nationalPattern = 2;

/**
 * What national numbers of each region look like, with or without the trunk prefix. Only regions that a number may be of are asked, as the
 * library takes some microseconds for each.
 */
const nationalNumbers = regions.map((region) => {
  const pattern = String(metadata.countries[region]?.[nationalPattern]);
  return { region, form: new RegExp(String.raw`^(?:${getCountryCallingCode(region)})?(?:0|1|06)?(?:${pattern})$`) };
});

/** An extension behind a number: `x123`, `ext. 12`. */
const extension = /^[ ,]{0,2}(?:x|ext|extn|extension|Durchwahl|poste|#)\.? {0,2}\d{1,6}(?!\d)/i;
const dateLike =
  /^(?:(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:0?[1-9]|[12]\d|3[01])|(?:0?[1-9]|[12]\d|3[01])[-./](?:0?[1-9]|[12]\d|3[01])[-./](?:19|20)?\d\d)(?:[ T.-]|$)/;
const moneyBefore = /[$€£¥₹][ \u00a0]?$|(?<![A-Za-z])(?:USD|EUR|GBP|CHF|INR|JPY)[ \u00a0]?$/;
const moneyAfter = /^[ \u00a0]?(?:[$€£¥₹%°]|(?:USD|EUR|GBP|CHF|INR|JPY|km|kg|mb|gb|ms|px|usd|eur)(?![A-Za-z]))/;

/** Phone numbers as people write them in many countries; a number without a country code or a telling shape needs its context. */
export const phone: Recognizer = {
  name: 'phone',
  kinds: ['PHONE_NUMBER'],
  context: {
    for: anyOf(
      'phone,telephone,tel,mobile,cell,call,fax,whatsapp,sms,text me,reach me,reach us,contact,dial,ring,hotline,my number,number is,telefon,handy,mobil,anruf,ruf,rückruf,durchwahl,erreich,nummer,téléphone,portable,appel,joindre,joignable,numéro,teléfono,tfno,móvil,celular,llám,llam,marcar,número,telefono,cellulare,chiama,numero,recapito',
    ),
    against: anyOf(
      'order,invoice,ticket,tracking,reference,ref!,isbn,sku,item!,article,part no!,part number,case!,version,serial,model!,account,acct,transaction,confirmation,booking,policy,zip!,postal code,plz!,build,commit,id!,ssn!,passport,license,licence,iban,card!,customer no,member,bestellung,bestellnummer,rechnung,kundennummer,auftrag,commande,facture,pedido,factura,ordine,fattura,article,sendung,vat!,tax!,steuer,nino,nhs,mrn,flight,room!,page!,lat!,latitude,longitude,coordinates,port!',
    ),
  },
  find(input) {
    const found: Finding[] = [];
    for (const run of input.numbers) {
      const part = phonePart(input, run);
      if (part === undefined) continue;
      const { start, confidence } = part;
      const end = part.end + (extension.exec(input.text.slice(part.end, part.end + 24))?.[0].length ?? 0);
      found.push({ kind: 'PHONE_NUMBER', start, end, confidence });
    }
    return found;
  },
};

interface Part {
  start: number;
  end: number;
  confidence: number;
}

function phonePart(input: TextInput, run: NumberRun): Part | undefined {
  const { text } = input;
  const digits = run.groups.map((group) => group.digits).join('');
  if (digits.length < fewest || digits.length > most) return undefined;
  // A bracket that is closed before the number ends belongs to it.
  const written = text.slice(run.start, run.end);
  const start = run.prefix === '(' && !written.includes(')') ? run.start + 1 : run.start;
  const end = run.end;
  if (!isPlainBefore(text, start) || /^(?:[\p{L}_]|[.:,]\d|[-/]\p{L})/u.test(text.slice(end, end + 2))) {
    if (!extension.test(text.slice(end, end + 24))) return undefined;
  }
  if (/(?:[ \u00a0]000)+$/.test(written)) return undefined;
  if (dateLike.test(written) || moneyBefore.test(text.slice(Math.max(0, start - 5), start)) || moneyAfter.test(text.slice(end, end + 5)))
    return undefined;
  const confidence = confidenceOf(run, text.slice(start, end), digits);
  return confidence === 0 ? undefined : { start, end, confidence };
}

const labelBefore = /(?:tel|fon|phone|fax|mob|mobile|cell|ph|handy|wa\.me\/)[:=./]?$/i;
const partOfMore = /(?:[\p{L}\p{N}_@#]|\d[.,:]|[=/]|-)$/u;

/** Part of no word, decimal fraction, path or longer number. */
function isPlainBefore(text: string, start: number): boolean {
  const ahead = text.slice(Math.max(0, start - 8), start);
  return labelBefore.test(ahead) || !partOfMore.test(ahead);
}

function confidenceOf(run: NumberRun, written: string, digits: string): number {
  const lengths = run.groups.map((group) => group.digits.length);
  if (run.prefix.startsWith('+')) return international(`+${digits}`) ? 0.9 : 0.6;
  if (/^(?:00|011)/.test(digits) && digits.length >= 10)
    return international(`+${digits.replace(/^(?:00|011)/, '')}`) || digits.startsWith('001') ? 0.75 : 0.45;
  const dots = run.groups.slice(1).every(({ separator }) => separator === '.');
  const grouped = run.groups.length > 1;
  if (grouped && dots && lengths.some((length) => length === 1)) return 0;
  // The form of a social security number, which no phone number of any country has.
  if (/^\d{3}[- ]\d{2}[- ]\d{4}$/.test(written)) return 0.05;
  // North America: (555) 010-1234, 555-010-1234, 1-555-010-1234.
  if (grouped && /^(?:1[ .-]?)?\(?[2-9]\d\d\)?[ .-]{0,2}\d{3}[ .-]?\d{4}$/.test(written)) return 0.75;
  if (/^\(\d{2,5}\)/.test(written) && digits.length >= 8) return 0.7;
  if (/^\d{3}[-.]\d{4}$/.test(written)) return 0.4;
  if (grouped && lengths.every((length) => length <= 8) && digits.startsWith('0') && digits.length >= 8 && digits.length <= 13)
    return national(digits) ? 0.7 : 0.5;
  if (
    grouped &&
    run.groups.length >= 3 &&
    lengths.every((length) => length >= 2 && length <= 4) &&
    digits.length >= 8 &&
    digits.length <= 12
  )
    return national(digits) ? 0.55 : 0.3;
  if (digits.startsWith('0') && digits.length >= 10 && digits.length <= 12) return national(digits) ? 0.5 : 0.2;
  if (digits.length === 10 && /^[2-9]\d\d[2-9]\d{6}$/.test(digits)) return 0.35;
  if (digits.length === 11 && /^1[2-9]\d\d[2-9]\d{6}$/.test(digits)) return 0.35;
  if (grouped && lengths.every((length) => length >= 2)) return national(digits) ? 0.35 : 0.2;
  return digits.length >= 8 && digits.length <= 12 ? 0.15 : 0.05;
}

function international(number: string): boolean {
  return parsePhoneNumberFromString(number)?.isPossible() === true;
}

/** True where some country has such numbers. */
function national(digits: string): boolean {
  return nationalNumbers.some(({ region, form }) => form.test(digits) && parsePhoneNumberFromString(digits, region)?.isValid() === true);
}
