import type { Finding, Recognizer } from '../recognizer.ts';

/** Bounded, since a text may be one word without end. */
const capital = String.raw`\p{Lu}[\p{L}\p{M}'’.-]{0,30}`;
const unit = String.raw`(?:,?[ \n]{1,2}(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Room|Building|Bldg|#)\.? ?#?[\w-]{1,6})?`;
const state = String.raw`(?:[A-Z]{2}|Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska|Nevada|New Hampshire|New Jersey|New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode Island|South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|West Virginia|Wisconsin|Wyoming)`;
const place = String.raw`${capital}(?: ${capital}){0,3}`;
/** What follows a street: a town with a state or a postcode, before or after it, on the same line or the next ones. */
const town = String.raw`(?:(?:,[ \n]?|[ ]?\n ?| (?:in|à|en|a) | )(?:(?:[A-Z]{1,2}-)?\d{4,6} ${place}|${place},?\s${state}(?:,? \d{5}(?:-\d{4})?)?|${place},?\s\d{4,6}(?:-\d{4})?|${place},?\s[A-Z]{1,2}\d[\dA-Z]? ?\d[A-Z]{2})(?:,[ \n]?(?:USA|United States|UK|United Kingdom|Canada|Germany|Deutschland|France|España|Spain|Italy|Italia))?)?`;
const endings =
  'Street|St|Avenue|Ave|Av|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Circle|Cir|Place|Pl|Square|Sq|Terrace|Ter|Trail|Trl|Parkway|Pkwy|Highway|Hwy|Way|Alley|Crescent|Close|Mews|Row|Walk|Gardens|Grove|Hill|Park|Plaza|Loop|Ridge|Run|Path|Pike|Crossing|Crossroad|Bypass|Causeway|Expressway|Freeway|Turnpike|Station|Valley|View|Vista|Heights|Harbor|Island|Islands|Isle|Junction|Junctions|Key|Keys|Knoll|Knolls|Lake|Lakes|Landing|Light|Lights|Loaf|Lock|Locks|Lodge|Mall|Manor|Meadow|Meadows|Mill|Mills|Mission|Motorway|Mount|Mountain|Neck|Orchard|Oval|Overpass|Pass|Passage|Pine|Pines|Plain|Plains|Point|Points|Port|Ports|Prairie|Radial|Ramp|Ranch|Rapid|Rapids|Rest|Ridges|River|Route|Rue|Shoal|Shoals|Shore|Shores|Skyway|Spring|Springs|Spur|Spurs|Squares|Stravenue|Stream|Streets|Summit|Throughway|Trace|Track|Trafficway|Tunnel|Underpass|Union|Unions|Valleys|Via|Viaduct|Views|Village|Villages|Ville|Walks|Wall|Ways|Well|Wells|Bridge|Brook|Brooks|Burg|Burgs|Camp|Canyon|Cape|Center|Centers|Cliff|Cliffs|Club|Common|Corner|Corners|Course|Courts|Cove|Coves|Creek|Crest|Curve|Dale|Dam|Divide|Estate|Estates|Extension|Extensions|Fall|Falls|Ferry|Field|Fields|Flat|Flats|Ford|Fords|Forest|Forge|Forges|Fork|Forks|Fort|Garden|Gateway|Glen|Glens|Green|Greens|Groves|Haven|Hills|Hollow|Inlet';
const sources: [string, number, string?][] = [
  // English: number, words, ending. Street names of Faker and of maps alike.
  [
    String.raw`(?<![\d.,:/#-])\d{1,6}[A-Za-z]?(?:-\d{1,4})?,? (?:(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\.? )?(?:${capital}|\d{1,3}(?:st|nd|rd|th))(?: ${capital}){0,3}? (?:${endings})(?![\p{L}\d])\.?(?: (?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)(?![\p{L}]))?${unit}${town}`,
    0.8,
  ],
  [String.raw`(?<![\p{L}\d])(?:P\.? ?O\.? ?Box|Postfach|Apartado|Casella postale) \d{1,7}${town}`, 0.85, 'i'],
  // German: one word, or words with a number behind them.
  [
    String.raw`(?<![\p{L}\d])(?:(?:${capital} ){0,3}(?:\p{Lu}\p{L}{0,30}(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|damm|ufer|markt|hof|steig|chaussee)|(?:Straße|Strasse|Str\.|Weg|Platz|Allee|Ring)(?: (?:der|des|dem|am|an) ${capital})?)) ?\d{1,4} ?[a-z]?(?![\p{L}\d])${town}`,
    0.85,
  ],
  // French, Spanish, Italian, Portuguese: the kind of street first.
  [
    String.raw`(?<![\p{L}\d])(?:\d{1,4} ?(?:bis|ter)?,? )?(?:rue|avenue|av\.|boulevard|bd|place|impasse|chemin|allée|quai|cours|route|square|passage)(?: (?:de|du|des|la|le|les|l['’]|d['’]))*[ ]?(?:${capital})(?:[ -](?:de |du |des |la |le )*${capital}){0,4}(?:,? \d{1,4}(?!\d))?${town}`,
    0.65,
    'x',
  ],
  [
    String.raw`(?<![\p{L}\d])(?:Calle|C/|Avenida|Avda\.?|Plaza|Paseo|Camino|Ronda|Carrer|Rua|Travesía|Via|Viale|Piazza|Corso|Largo|Vicolo|Contrada|Strada)(?: (?:de|del|della|delle|dei|di|da|la|las|los|el|il))* ?${capital}(?: (?:de |del |della |di |da |la |y |e )*${capital}){0,4},? ?(?:n[º°.]? ?)?\d{1,4}(?:,? ?\d{1,2}[ºª])?(?![\d])${town}`,
    0.8,
  ],
];
const patterns = sources.map(([source, confidence, flags]) => ({
  pattern: new RegExp(source, `gu${flags === 'i' ? 'i' : ''}`),
  confidence,
  /** Without a number it is a street, but nobody's address. */
  needsNumber: flags === 'x',
}));

/** Postal addresses: streets with a number, with flat, town, state and postcode where they follow. */
export const address: Recognizer = {
  name: 'address',
  kinds: ['STREET_ADDRESS'],
  find({ text, numbers }) {
    if (numbers.length === 0) return [];
    const found: Finding[] = [];
    for (const { pattern, confidence, needsNumber } of patterns) {
      pattern.lastIndex = 0;
      for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
        if (needsNumber && !/\d/.test(match[0])) continue;
        const end = match.index + match[0].replace(/[\s,.]+$/, '').length;
        found.push({ kind: 'STREET_ADDRESS', start: match.index, end, confidence });
      }
    }
    return found;
  },
};
