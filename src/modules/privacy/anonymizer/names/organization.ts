import type { Finding, Recognizer } from '../recognizer.ts';
import { isGroup } from './nationality.ts';
import { isCity, isCountry, isFirstName, isLastName, isWord } from './word-lists.ts';

/** Bounded, since a text may be one word without end. */
const capital = String.raw`\p{Lu}[\p{L}\p{M}\d'’&.-]{0,30}`;
const legal = String.raw`(?:Inc|LLC|L\.L\.C|Ltd|Limited|LLP|PLC|plc|Corp|Corporation|Co|Company|GmbH(?: & Co\. ?(?:KG|OHG))?|AG|KG|OHG|KGaA|e\.V|SE|S\.?A\.?S?|SARL|S\.?A\.?R\.?L|EURL|S\.?L\.?U?|S\.?p\.?A|S\.?r\.?l|B\.?V|N\.?V|AB|AS|A\/S|Oy|Oyj|Pty|Group|Gruppe|Groupe|Holding|Holdings|Partners|Associates|Industries|Enterprises|Solutions|Technologies|Systems|Labs|Laboratories|Pharmaceuticals|Consulting|Ventures|Capital|Bank|Airlines|Airways|Insurance|Foundation|Stiftung|Institute|Institut|University|Universität|Université|College|School|Hospital|Klinik|Clinic|Medical Center|Church|Museum|Ministry|Department|Agency|Association|Society|Club|Union|Press|Times|Motors|Energy|Foods|Media|Studios|Records|Stores|Logistics|Council|Trust|Credit Union|Versicherung|Versicherungen|Assurances|Seguros|Assicurazioni|Pharmacy|Apotheke|Hospice|Academy|Bakery|Brewery|Federation|Commission|Realty|Properties|Construction|Software|Networks|Telecom|Financial|Investments|Advisors|Healthcare|Dental|Theatre|Orchestra|United|Supermarkets?|Pictures|Entertainment|Publishing|Chemicals|Steel|Textiles|Electronics|Semiconductor|Biotech|Therapeutics|Aerospace|Shipping|Freight|Couriers|Verein|Werke|Werk|Stadtwerke|Sparkasse|Volksbank|Krankenhaus|Klinikum|Hochschule|Gymnasium|Verlag|Kanzlei|Praxis)`;
const patterns: { pattern: RegExp; confidence: number; holds?: (text: string) => boolean }[] = [
  // Names with an ending that says what they are; `X, Y and Z` and `X-Y` before it.
  {
    pattern: new RegExp(
      String.raw`(?=\p{Lu})(?<![\p{L}\d])(?!(?:The|A|An|My|Our|Your|This|That|In|At|Of|For|And)\s)${capital}(?:(?: and | & | und | et | y | e | of | de |[ -])${capital}){0,4}?,? ${legal}(?![\p{L}\d])\.?`,
      'gu',
    ),
    confidence: 0.75,
    holds: (text) => !isPartOfAFirm(text),
  },
  {
    pattern:
      /(?=[A-Z]{2})(?<![\p{L}\d])(?:[A-Z][A-Z&.'-]{1,20} ){1,4}(?:HOSPITAL|CLINIC|BANK|INSURANCE|UNIVERSITY|COLLEGE|SCHOOL|INC|LLC|LTD|CORP|GMBH|AG)(?![\p{L}\d])/gu,
    confidence: 0.7,
  },
  {
    pattern: new RegExp(
      String.raw`(?=\p{Lu})(?<![\p{L}\d])(?:Hotel|Restaurant|Café|Ristorante|Praxis|Kanzlei|Clínica|Clinique|Autohaus) ${capital}(?: ${capital})?`,
      'gu',
    ),
    confidence: 0.6,
  },
  {
    pattern: new RegExp(
      String.raw`(?=\p{Lu})(?<![\p{L}\d])(?:University|Bank|Institute|Ministry|Department|Church|Museum|Hospital|Université|Universität|Universidad|Università|Banco|Banca|Banque) (?:of|de|del|della|di|für|du) (?:the )?${capital}(?: (?:of |and )?${capital}){0,2}`,
      'gu',
    ),
    confidence: 0.75,
  },
  // Companies of partners.
  {
    pattern: new RegExp(String.raw`(?=\p{Lu})(?<![\p{L}\d])${capital}, ${capital} (?:and|&|und|et|y|e) ${capital}(?![\p{L}])`, 'gu'),
    confidence: 0.6,
    holds: (text) =>
      !text
        .split(/,? (?:and |& |und |et |y |e )?/)
        .some(
          (part) =>
            isGroup(part.toLowerCase()) ||
            isCity(part.toLowerCase()) ||
            isCountry(part.toLowerCase()) ||
            (isFirstName(part.toLowerCase()) && !isLastName(part.toLowerCase())),
        ),
  },
  {
    pattern: new RegExp(
      String.raw`(?=\p{Lu})(?<![\p{L}\d])${capital}(?: ${capital})? (?:and|&|und) (?:Sons|Söhne|Co|Partners|Partner|Associates|Brothers|Daughters)(?![\p{L}])\.?`,
      'gu',
    ),
    confidence: 0.75,
  },
  {
    // `Abshire - Jones`, of two surnames.
    pattern: new RegExp(String.raw`(?=\p{Lu})(?<![\p{L}\d])${capital} - ${capital}(?![\p{L}]| \p{Lu})`, 'gu'),
    confidence: 0.7,
    holds: (text) => text.split(' - ').every((part) => isLastName(part.toLowerCase())),
  },
  { pattern: new RegExp(String.raw`(?=\p{Lu})(?<![\p{L}\d])${capital} & ${capital}(?![\p{L}])`, 'gu'), confidence: 0.45 },
  // Where somebody works.
  {
    pattern: new RegExp(
      String.raw`(?<=\b(?:work(?:s|ed|ing)? (?:at|for)|employed (?:at|by)|job at|position at|CEO of|founder of|manager at|engineer at|arbeite bei|travaille chez|trabajo en|lavoro (?:per|alla)|hired by|joined)\s)${capital}(?:[ &-]{1,3}${capital}){0,3}`,
      'gu',
    ),
    confidence: 0.6,
  },
];
const vagueEnding =
  /^(?:Department|Agency|Press|Club|School|Store|Stores|Records|Media|Systems|Solutions|Networks|Software|Financial|Properties|Group|Commission|Council|Company|Society|Association|Union|Church|Construction|Shipping|Entertainment|Academy)\.?$/;
const known = new RegExp(
  String.raw`(?<![\p{L}\d@./-])(?:Google|Microsoft|Apple|Amazon|Facebook|Meta|Netflix|Tesla|IBM|Intel|Oracle|SAP|Siemens|Bosch|BMW|Volkswagen|Daimler|Mercedes-Benz|Audi|Toyota|Honda|Sony|Samsung|Nokia|Ericsson|Philips|Unilever|Nestlé|Novartis|Roche|Pfizer|Moderna|BioNTech|Bayer|BASF|Deutsche Bank|Commerzbank|Deutsche Telekom|Telekom|Vodafone|Lufthansa|Ryanair|EasyJet|Airbus|Boeing|NASA|FBI|CIA|NATO|UNICEF|UNESCO|WHO|HSBC|Barclays|JPMorgan|Goldman Sachs|Morgan Stanley|Citibank|Wells Fargo|Bank of America|PayPal|Mastercard|Walmart|Costco|Starbucks|McDonald['’]s|Coca-Cola|Pepsi|Nike|Adidas|IKEA|H&M|Zara|Spotify|Uber|Airbnb|Twitter|LinkedIn|Salesforce|Adobe|Cisco|Dell|HP|Lenovo|Huawei|Alibaba|Tencent|BBC|CNN|Reuters|Harvard|Stanford|MIT|Telefónica|Santander|BBVA|Renault|Peugeot|Carrefour|Orange S\.A\.|Fiat|Ferrari|Eni|Enel|UniCredit|Accenture|AT&T|Verizon|T-Mobile|Comcast|Chevron|ExxonMobil|Capital One|American Express|Citigroup|Charles Schwab|BlackRock|KPMG|Deloitte|PwC|McKinsey|FedEx|DHL|UPS|USPS|Royal Mail|Deutsche Post|Home Depot|Best Buy|Kroger|Walgreens|Tesco|Sainsbury['’]s|Asda|Aldi|Lidl|Marks & Spencer|British Airways|Delta Air Lines|United Airlines|American Airlines|Southwest Airlines|Air France|KLM|Emirates|Qantas|Marriott|Expedia|Allianz|AXA|Aetna|Cigna|Blue Cross|Kaiser Permanente|Johnson & Johnson|Procter & Gamble|Merck|AstraZeneca|GlaxoSmithKline|Hewlett-Packard|Xerox|Qualcomm|AMD|Nvidia|OpenAI|SpaceX|Lockheed Martin|General Electric|General Motors|Caterpillar|Disney|Warner Bros|Oxfam|Red Cross|Greenpeace|United Nations|World Bank|European Commission|Deutsche Bahn|SNCF|Trenitalia|IRS|HMRC|Instagram|YouTube|WhatsApp|TikTok|Snapchat|eBay|Shopify)(?![\p{L}\d])`,
  'gu',
);

/** Companies, institutions and the like: by what their names end with, by how partners are named, by where somebody works, and a few that everybody knows. */
export const organization: Recognizer = {
  name: 'organization',
  kinds: ['ORGANIZATION'],
  find({ text }) {
    const found: Finding[] = [];
    for (const { pattern, confidence, holds } of [...patterns, { pattern: known, confidence: 0.55, holds: undefined }]) {
      pattern.lastIndex = 0;
      for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
        if (holds?.(match[0]) === false) continue;
        const end = match.index + match[0].replace(/[.,\s]+$/, '').length;
        found.push({ kind: 'ORGANIZATION', start: match.index, end, confidence });
      }
    }
    return found;
  },
};

/** `Returns Department`: one ordinary word before an ending that a part of any firm may have. */
function isPartOfAFirm(text: string): boolean {
  const [first = '', ending, ...more] = text.split(' ');
  return more.length === 0 && vagueEnding.test(ending ?? '') && isWord(first.toLowerCase()) && !isLastName(first.toLowerCase());
}
