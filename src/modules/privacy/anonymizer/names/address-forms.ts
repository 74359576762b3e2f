/**
 * How addresses are written, as sources of expressions. Everything that repeats is bounded, since a text may be one word without end.
 */

const capital = String.raw`\p{Lu}[\p{L}\p{M}'’.-]{0,30}`;
const direction = String.raw`(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)`;
/** A part of a house, before its street or behind it. */
const part = String.raw`(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Room|Building|Bldg|Block|Blk|Lot|Trlr|#)\.? ?(?:No\.? ?)?#?[\w-]{1,6}`;
const partBehind = String.raw`(?:,?[ \n]{1,2}${part})?`;
/** The same before a street, at the end of what stands before its number. */
export const partBefore = new RegExp(String.raw`(?<![\p{L}\d])${part},? $`, 'u');
const state = String.raw`(?:[A-Z]{2}|NSW|VIC|QLD|TAS|ACT|Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska|Nevada|New Hampshire|New Jersey|New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode Island|South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|West Virginia|Wisconsin|Wyoming|Ontario|Quebec|Québec|British Columbia|Alberta|Manitoba|Saskatchewan|Nova Scotia)(?![\p{L}])`;
const place = String.raw`${capital}(?: (?:${capital}|upon|on|of|the|am|an|der|in|im|la|le|de|del|sur|en|di|sul)){0,3}`;
/** Postcodes of the United States, Great Britain, Canada and the Netherlands, and those of digits alone. */
const [usCode, ukCode, caCode] = [
  String.raw`\d{5}(?:-\d{4})?`,
  String.raw`[A-Z]{1,2}\d[\dA-Z]? ?\d[A-Z]{2}`,
  String.raw`[A-Z]\d[A-Z] ?\d[A-Z]\d`,
];
const codeFirst = String.raw`(?:[A-Z]{1,2}-)?(?:\d{3} \d{2}|\d{4}-\d{3}|\d{4} ?[A-Z]{2}|\d{4,6})`;
const codeLast = String.raw`(?:${usCode}|${ukCode}|${caCode}|\d{4,6})`;
const country = String.raw`(?:,[ \n]?(?:USA|U\.S\.A\.|United States|UK|United Kingdom|England|Scotland|Wales|Ireland|Canada|Australia|Germany|Deutschland|Austria|Österreich|Switzerland|Schweiz|France|España|Spain|Italy|Italia|India|Singapore)(?![\p{L}]))?`;
/** A town with a state or a postcode, before or after it, on the same line or the next ones. */
const town = String.raw`(?:(?:,[ \n]{0,2}|[ ]?\n ?| (?:in|à|en|a) | )(?:${codeFirst},? ${place}(?: \([A-Z]{2}\))?|(?:${place}, ?\n?){0,2}${place},?\s${state}(?:,?\s(?:${usCode}|${caCode}|\d{4}))?|(?:${place}, ?\n?){0,2}${place},?\s${codeLast})(?![\p{L}\d])${country})?`;

/** Endings of English streets that hardly name anything else. */
const plainEndings = 'Street|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Crescent|Terrace|Close|Parkway|Pkwy|Highway|Hwy';
/** All that the postal service of the United States knows (Publication 28, C1), and British ones. */
const endings =
  'Street|St|Avenue|Ave|Av|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Circle|Cir|Place|Pl|Square|Sq|Terrace|Ter|Trail|Trl|Parkway|Pkwy|Highway|Hwy|Way|Alley|Crescent|Close|Mews|Row|Walk|Gardens|Grove|Hill|Park|Plaza|Loop|Ridge|Run|Path|Pike|Crossing|Crossroad|Bypass|Causeway|Expressway|Freeway|Turnpike|Station|Valley|View|Vista|Heights|Harbor|Island|Islands|Isle|Junction|Junctions|Key|Keys|Knoll|Knolls|Lake|Lakes|Landing|Light|Lights|Loaf|Lock|Locks|Lodge|Mall|Manor|Meadow|Meadows|Mill|Mills|Mission|Motorway|Mount|Mountain|Neck|Orchard|Oval|Overpass|Pass|Passage|Pine|Pines|Plain|Plains|Point|Points|Port|Ports|Prairie|Radial|Ramp|Ranch|Rapid|Rapids|Rest|Ridges|River|Route|Rue|Shoal|Shoals|Shore|Shores|Skyway|Spring|Springs|Spur|Spurs|Squares|Stravenue|Stream|Streets|Summit|Throughway|Trace|Track|Trafficway|Tunnel|Underpass|Union|Unions|Valleys|Via|Viaduct|Views|Village|Villages|Ville|Walks|Wall|Ways|Well|Wells|Bridge|Brook|Brooks|Burg|Burgs|Camp|Canyon|Cape|Center|Centers|Cliff|Cliffs|Club|Common|Corner|Corners|Course|Courts|Cove|Coves|Creek|Crest|Curve|Dale|Dam|Divide|Estate|Estates|Extension|Extensions|Fall|Falls|Ferry|Field|Fields|Flat|Flats|Ford|Fords|Forest|Forge|Forges|Fork|Forks|Fort|Garden|Gateway|Glen|Glens|Green|Greens|Groves|Haven|Hills|Hollow|Inlet|Approach|Wharf|Quay|Parade|Rise|Gate|Yard|Broadway|Esplanade|Promenade|Circuit|Lea|Drove|Mountains|Harbors|Croft|Garth|Fold|Copse|Nook|Paddock|Ridings|Cottages|Chase|Downs|Reach|Bank';
/** The ending of `Old Mill Road`, where `Mill` is one as well. */
const secondEnding = String.raw`(?: (?:${plainEndings}|St|Dr|Court|Ct|Way|Place|Pl|Circle|Gardens|Square)(?![\p{L}\d])\.?)?`;
const name = String.raw`(?:${capital}|\d{1,3}(?:st|nd|rd|th))`;
const german = String.raw`\p{Lu}[\p{L}-]{0,30}(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|damm|ufer|markt|hof|steig|chaussee|ring|pfad|straat|laan|plein|gracht|kade|gata|gatan|gaten|vägen|veien|vei|vej|gade|gränd|gränden|gärdet|stigen|torget|plantsoen|dreef|singel|dijk|steeg|siedlung)`;

/** Streets with a number, each with a confidence. */
export const streetForms: readonly (readonly [string, number])[] = [
  // English: number, words, ending.
  [
    String.raw`(?=\d)(?<![\d.,:/#-])(?<!\p{L})\d{1,6}[A-Za-z]?(?:[-/]\d{1,4})?,? (?:${direction}\.? )?${name}(?: ${capital}){0,3}? (?:${endings})(?![\p{L}\d])\.?${secondEnding}(?: ${direction}(?![\p{L}])| \d{1,2}(?![\d.:/-]))?${partBehind}${town}`,
    0.8,
  ],
  // `7500 Broadway`, and military post of the United States.
  [
    String.raw`(?=\d)(?<![\p{L}\d.,:/#-])\d{1,5} (?:Broadway|Embarcadero|Esplanade|Strand|Highway \d{1,3}|Route \d{1,3}|County Road \d{1,4})(?![\p{L}\d])${partBehind}${town}`,
    0.75,
  ],
  [
    String.raw`(?=[PU])(?<![\p{L}\d])(?:(?:USS|USNS|USNV|USCGC) \p{Lu}\p{L}{1,30}|PSC \d{1,5},? Box \d{1,5}|Unit \d{1,5} Box \d{1,5})[,\s]{1,2}(?:APO|FPO|DPO) A[AEP] \d{5}`,
    0.9,
  ],
  // German, Dutch, Scandinavian: one word, or words with a number behind them.
  [
    String.raw`(?=\p{Lu})(?<![\p{L}\d])(?:(?:(?:Alte|Alter|Alten|Neue|Neuer|Neuen|Obere|Oberer|Untere|Unterer|Große|Großer|Kleine|Kleiner|Lange|Langer|Hohe|Hoher|Innere|Äußere|Sankt|St\.|Am|An der|Auf dem) )?${german}|(?:${capital}[ -]){1,3}(?:Straße|Strasse|Str\.|Weg|Platz|Allee|Ring|Gasse|Damm|Ufer|Markt)|(?:Straße|Platz|Allee|Weg) (?:der|des|dem|am|an|vom?) ${capital}) ?\d{1,4} ?[a-z]?(?:[-/]\d{1,4})?(?![\p{L}\d])${town}`,
    0.85,
  ],
  // Any words with a number, before a postcode and its town: `Am Alten Markt 7, 23966 Wismar`.
  [
    String.raw`(?=\p{Lu})(?<![\p{L}\d])(?:(?:Am|Im|An|Auf|In|Zum|Zur|Unter|Hinter|Vor|Bei) (?:(?:der|den|dem|die) )?)?${capital}(?: ${capital}){0,2} \d{1,4} ?[a-z]?(?:,[ \n]?|\n)(?:[A-Z]{1,2}-)?\d{4,5} ${place}`,
    0.75,
  ],
  // Spanish, Italian, Portuguese: the kind of street first.
  [
    String.raw`(?=[ABCEFGHIJLMPQRSTUVaopu])(?<![\p{L}\d])(?:Calle|C/|C\.|Avenida|Avda\.?|Av\.|Plaza|Pza\.|Paseo|P\.º|Camino|Ronda|Carrer|Carretera|Glorieta|Rua|Praça|Travesía|Via|V\.le|Viale|Piazza|P\.za|Piazzale|Corso|C\.so|Largo|Vicolo|Contrada|Strada|Lungotevere|Lungarno|Borgo|Rotonda|Incrocio|Salita|Traversa|Frazione|Località|Vía Pública|Muelle|Conjunto|Jardines|Urbanización|Barrio|Bloque|Callejón|Cuesta|Polígono|Parque|Pasaje|Prolongación|Rambla|Sector|Senda|Subida|Edificio|Huerta|Manzana|Mercado|Monte|Puerta|Puente|Quinta|Ramal|Rincón|Solar|Apartamento|Arroyo|Bajada|Barranco|Caserío|Chalet|Colonia|Lugar|Masía|Salida|ul\.|al\.|os\.|pl\.)(?: (?:de|del|della|delle|dei|degli|di|da|do|dos|la|las|los|el|il))* ?(?:dell['’]|d['’])?(?:${capital}|\d{1,2} (?:de )?\p{L}{4,10})(?: (?:de |del |della |di |da |la |y |e )*${capital}){0,4},? ?(?:n[º°.]? ?|nº ?)?(?:\d{1,4}(?:[/-]?[A-Za-z])?|s/n)(?![\p{L}\d])(?:,? ?\d{1,2} ?[ºª°]? ?(?:[A-Z]|izq\.?|dcha\.?|piso)?(?![\p{L}\d]))?${town}`,
    0.8,
  ],
];

/** Boxes at a post office. Case does not matter, so that no state is told by two letters. */
export const postBox = String.raw`(?=[ABCHPR])(?<![\p{L}\d])(?:P\.? ?O\.? ?Box|Post Office Box|Postfach|Apartado(?: de Correos)?|Casella postale|Boîte postale|Private Bag|RR ?\d{1,3},? Box|HC ?\d{1,3},? Box) #?\d{1,7}(?![\p{L}\d])${town}`;

/** French and English with the kind of street first: only with a number somewhere. */
export const streetFirst = String.raw`(?=[\dRABPICQSFVMrabpicqsfvm])(?<![\p{L}\d])(?:\d{1,4} ?(?:bis|ter|[A-D])?,? )?(?:[Rr]ue|[Aa]venue|[Aa]v\.|[Bb]oulevard|[Bb]d|[Pp]lace|[Ii]mpasse|[Cc]hemin|[Aa]llée|[Qq]uai|[Cc]ours|[Rr]oute|[Ss]quare|[Pp]assage|[Ss]entier|[Ff]aubourg|[Vv]oie|[Rr]ésidence|[Cc]ité|[Mm]ontée)(?: (?:de|du|des|la|le|les|aux?|l['’]|d['’]))*[ ]?(?:[ld]['’])?${capital}(?:[ -](?:de |du |des |la |le |l['’]|d['’])*${capital}){0,4}(?:,? \d{1,4}(?!\d))?${town}`;

/** German without a postcode: only where something says that an address follows. */
export const germanPreposition = String.raw`(?=[AIZUV])(?<![\p{L}\d])(?:Am|Im|Zum|Zur|An der|An den|Auf der|Auf dem|In der|In den|Unter den|Vor dem) \p{Lu}\p{L}{2,30}(?:[ -]\p{Lu}\p{L}{2,30})? \d{1,4}[a-z]?(?![\p{L}\d.,:%]\d|\p{L}| ?(?:Uhr|Tage|Jahre|%|€))`;

/** Whatever a label says is one, with a number somewhere. */
export const labelled = String.raw`(?<![\p{L}\d])(?:[Aa]ddress|ADDRESS|[Aa]dresse|[Aa]nschrift|[Dd]irección|[Ii]ndirizzo|[Ss]treet|[Dd]omicilio|[Aa]dres|[Mm]orada|[Ll]ives? at|[Ll]iving at|[Ll]ocated at|[Rr]esid(?:es?|ing) at)(?: [Ll]ine 1| is| ist| est| es| è)?[:\s]{1,3}(?<street>\d{1,6}[A-Za-z]?,? ${capital}(?: ${capital}){0,3}${partBehind}${town}|(?:(?:${capital}|van|den|der|de|del|di|la|do|da) ){1,5}(?:\d{1,5}(?:[-/ ]?[a-zA-Z])?|s/n)(?![\p{L}\d])${town})`;

/** A street without a number, where something is said to be. */
export const nakedStreet = String.raw`\b(?:at|on|in|near|along|off|to|from|down|of|is|via)\s(?=[\p{Lu}\d])(?<street>(?:${direction}\.? )?${name}(?: ${capital}){0,2}? (?:${plainEndings}|St)(?![\p{L}\d])${town})`;

/** Somebody has written it small. */
export const streetSmall = String.raw`(?=\d)(?<![\p{L}\d.,:/#$€£-])\d{1,5}[a-z]?,? (?:[nsew]\.? )?(?:[\p{L}'’.]{2,20} ){1,3}?(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|crescent|terrace)(?![\p{L}\d])\.?(?:,? (?:apt|suite|unit|flat|#)\.? ?#?\w{1,5})?(?:,? ?\n?(?:[\p{L}'’.]{2,20} ){0,2}[\p{L}'’.]{2,20},? [a-z]{2},? \d{5}(?:-\d{4})?| ?,? [\p{L}]{3,20} ${ukCode})?`;
