import { cities } from './lists/cities.ts';
import { countries } from './lists/countries.ts';
import { englishWords } from './lists/english-words.ts';
import { firstNames } from './lists/first-names.ts';
import { lastNames } from './lists/last-names.ts';

/** A list that is read when it is first asked for: about 5 MB of memory for all of them. */
function lazy(list: string, without: ReadonlySet<string> = new Set(), more = ''): () => ReadonlySet<string> {
  let words: ReadonlySet<string> | undefined;
  return () =>
    (words ??= new Set([...list.split('|'), ...more.split(' ').filter((word) => word !== '')].filter((word) => !without.has(word))));
}

function setOf(words: string): ReadonlySet<string> {
  return new Set(words.trim().split(/\s+/));
}

/** Words that begin sentences, name things, or mean something else more often than a person, in lower case. */
export const commonWords = setOf(`
a about above account action add address after again all also although always am an and another any anyone anything apart are as ask asked at available back bad based be because been before being below best better between big both
business but by call called can case change check city class clear close come company contact could country create current customer data date day days dear delivery detail did do does done down during each early either email end even every everyone
example few file find first following for form free from full further game general get give go going good got great group had has have he head hello help her here hey hi high him his hold home hope hotel house how however i id if in include info information
input international into invoice is it its item its just keep key kind know large last late later least left less let life like limited line link list little local log long look lost low made mail main make management many market maybe me mean meeting member message might
mine model money month more most much must my name named near need network never new news next night no none nor not note nothing now number of off office often oh ok okay old on once one only open option or order other our out over own page paid part party pay payment people
per person phone place plan play please point policy post power price private problem process product program project provide public put question quick quite rate read really reason receive recent record regarding regards remember reply report request required reset rest result return review right road room run
said sale same save say school search second section security see seem send sent server service services set several shall she ship shop should show sign simple since site small so some someone something soon sorry special staff start state status step still stop store street student subject such support sure system
take talk team tell test than thank thanks that the their them then there these they thing think this those though thought three through ticket time title to today together told tomorrow too top total town transfer travel try turn two type under unit until up update upon us use used user using usually value version very via
view visit wait walk want was watch water way we website week welcome well went were what when where whether which while who whole whose why will with within without work working world would write wrong year years yes yesterday yet you young your zip
january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun
north south east west northern southern eastern western central upper lower spring summer autumn winter christmas easter
english german french spanish italian american british chinese japanese indian european african asian
doctor nurse patient president manager director teacher officer captain sir madam mister professor king queen prince princess lord lady father mother brother sister uncle aunt
internet google microsoft apple amazon facebook twitter windows linux android iphone chrome firefox excel word outlook zoom slack java python javascript node docker visa mastercard paypal
instagram tiktok whatsapp youtube netflix spotify linkedin snapchat pinterest reddit discord skype telegram gmail hotmail yahoo bing wikipedia github gitlab jira trello asana salesforce shopify stripe dropbox onedrive icloud sharepoint
bluetooth wi-fi wifi ethernet usb hdmi smartphone laptop backend frontend postgres postgresql mysql sqlite mongodb redis kafka kubernetes typescript nodejs npm webpack ubuntu debian macos ios safari edge alexa siri cortana netgear garmin fitbit
playstation xbox nintendo kindle ipad macbook airpods chromecast roku samsung sony nokia huawei xiaomi lenovo toshiba philips bosch siemens canon nikon epson logitech adobe photoshop acrobat oracle sap cisco dell intel nvidia
toyota honda nissan ford chevrolet tesla bmw audi volkswagen volvo renault peugeot fiat ferrari porsche hyundai kia mazda subaru jeep nike adidas ikea walmart costco lego uber lyft airbnb ebay aliexpress klarna venmo zelle
silver gold platinum premium standard ctrl cyber fibonacci halloween ramadan easter diwali hanukkah grüße grüßen gruß viele freundlichen
mars jupiter saturn venus uranus pluto iban bic swift mrn imei dob ssn sex ip pdf faq url api sql html css json xml csv http https gmbh covid zoomcall website online app apps login signup
der die das den dem des ein eine einen einem einer und oder aber ich du er sie es wir ihr mein meine dein deine sein seine unser ist sind war waren hat haben hatte wird werden kann können muss soll bitte danke hallo guten morgen tag abend liebe lieber sehr geehrte geehrter herr frau mit von vom zu zum zur bei beim im in am an auf für aus nach über unter vor wegen nicht kein keine noch schon
wie was wer wann warum wo welche welcher diese dieser dieses alle alles viel viele mehr heute gestern morgen jetzt hier dort da dann wenn weil dass ob montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz mai juni juli oktober dezember rechnung bestellung kunde kundin konto adresse telefon straße
le la les un une des du de et ou mais je tu il elle nous vous ils elles mon ma mes ton ta tes son sa ses notre votre leur est sont était avec pour par sur sous dans chez sans pas ne plus très bien bonjour bonsoir merci cher chère monsieur madame mademoiselle ce cet cette ces qui que quoi quand où comment pourquoi lundi mardi mercredi jeudi vendredi samedi dimanche janvier février mars avril mai juin juillet août septembre octobre novembre décembre commande facture
el los las una unos unas y o pero yo tú él ella nosotros ustedes mi mis tu tus su sus nuestro es son era está están con para por sobre sin en hola gracias buenos buenas días tardes noches señor señora señorita estimado estimada querido querida este esta estos estas que quien cuando donde cómo lunes martes miércoles jueves viernes sábado domingo enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre pedido factura
il lo gli uno e ma io lui lei noi voi loro mio mia miei mie tuo tua suo sua nostro è sono era con per su tra fra ciao grazie buongiorno buonasera caro cara gentile signor signora signorina questo questa questi queste che chi quando dove come perché lunedì martedì mercoledì giovedì venerdì sabato domenica gennaio febbraio aprile maggio giugno luglio settembre ottobre novembre dicembre ordine fattura dalla dal dalle dallo alla allo alle agli ai al nel nella nei della del degli dei delle sul sulla quale quali dove cosa
qué cuál cuáles dónde quién desde hasta hacia entre quel quelle quels quelles au aux depuis entre vers parce donc
demain hier heute morgen ville téléphone nachname vorname anschrift telefon straße ort plz indirizzo città teléfono dirección ciudad correo telefono adresse prénom courriel
`);

/** First names that are words as well: by themselves they say nothing. */
const ambiguousNames = setOf(`
will mark may june april august hope grace rose bill art frank jack rich ray sue pat drew chase dean grant miles max penny joy faith dawn summer autumn ivy holly amber crystal ruby pearl jade sunny buddy king prince earl duke major guy rob nick don
christian angel harmony melody destiny trinity precious star sky skye storm rain river ocean forest hunter mason carter cooper taylor tyler parker porter fisher baker cook smith page price love song young long small little brown black white green gray grey blue
lance gene rusty sandy cliff heath glen dale brook brooks lane woody rocky stone reed rod norm victor justice liberty chance case france china paris london sydney virginia georgia carolina florence madison austin dallas houston jordan israel kenya india asia america
dick peg robin jay jean marina daisy lily olive basil ginger rosemary cherry candy sherry brandy kitty bunny dolly misty gay merry noel tad ty van war wen wing worth more son stan bob
an do le de la di da du el al so no to my in on at he she we be go us ok mi ti si ma va vi os as ai an si sa se re ra pa ne na mo me ma lo li ki ka ja jo ho ha
`);

/** Cities that are words, names or companies as well. */
const ambiguousCities =
  setOf(`nice reading bath mobile orange enterprise most split same bar of santa union paradise hilo independence surprise normal temple bury deal hull corona victoria lima hope cary allen peoria irving warren marion salem troy florence milan santiago jackson lincoln madison
washington jefferson franklin clinton arlington houston austin dallas gary eugene concord brandon davis rochester springfield chandler henderson garland tyler carson pierre anna date gap best lens tours angers marl goes ede epe ems hamm much hagen olten melle male sale male wien cork derby
rugby essen baden march bend plains university of alexandria diego angeles laredo columbia aurora lakewood victoria-de-durango troy lancaster cleveland charlotte chester carlisle douglas wellington nelson hamilton hastings palmerston jordan granada mercedes toledo leon león lugo
`);

/** Cities that are meant where they are written with a capital, although they are names as well. */
const cityAgain =
  'houston austin dallas milan florence washington charlotte cleveland santiago wien derby cork essen alexandria wellington jackson madison springfield rochester arlington salem toledo granada nice angers tours lens reading bath lima victoria hull bury deal troy orange mobile lincoln jefferson franklin davis nelson hamilton columbia aurora carlisle lancaster';

const isKnownFirstName = has(
  lazy(
    firstNames,
    commonWords,
    'mohammed muhammad ahmed fatima wei ming li xiaoming hiroshi yuki nguyen priya rahul sanjay aisha omar khalid chen jin hui',
  ),
);
export const isLastName = has(
  lazy(
    lastNames,
    commonWords,
    'zhang wang chen liu yang huang zhao wu zhou xu sun kumar singh sharma patel gupta khan ahmed hussain ali tanaka suzuki watanabe yamamoto kim park choi tran pham smith johnson williams jones brown davis miller wilson',
  ),
);
export const isCity = has(
  lazy(cities, new Set([...commonWords, ...[...ambiguousCities].filter((city) => !cityAgain.split(' ').includes(city))])),
);
export const isCountry = has(
  lazy(
    countries,
    undefined,
    'usa england scotland wales america uk u.s. u.s.a. u.k. russia korea vietnam syria iran czechia britain holland',
  ),
);

const isStem = has(lazy(englishWords));
/** Endings of English words and what stands in their place without them. */
const endings: readonly (readonly [string, ...string[]])[] = [
  ['ies', 'y'],
  ['es', '', 'e'],
  ['s', ''],
  ['ied', 'y'],
  ['ed', '', 'e'],
  ['ing', '', 'e'],
  ['ily', 'y'],
  ['ly', '', 'le'],
  ['iest', 'y'],
  ['est', '', 'e'],
  ['ier', 'y'],
  ['ers', '', 'e'],
  ['er', '', 'e'],
  ['ness', ''],
  ['able', '', 'e'],
  ['ment', ''],
];

/** True for a word of one of the languages that is in lower case in a dictionary (English ones in all their forms), which may be a name all the same. */
export function isWord(lower: string): boolean {
  if (isForm(lower)) return true;
  // `I'd`, `won't`; `qu'une`, `l'eau`; `follow-up`.
  if (!/['’-]|is(?:e[drs]?|ing|ations?|ers)$|our/.test(lower)) return false;
  if (/['’](?:s|d|t|ll|ve|re|m)$/.test(lower) || /^(?:qu|[ldjnscmt])['’]/.test(lower))
    return isWord(lower.replace(/^(?:qu|[ldjnscmt])['’]|['’]\p{L}{1,2}$/gu, '')) || lower.length < 6;
  if (lower.includes('-')) return lower.split('-').every((part) => part.length < 3 || isForm(part));
  const american = lower.replace(/is(e[drs]?|ing|ations?|ers)$/, 'iz$1').replace('our', 'or');
  return american !== lower && isForm(american);
}

/** Endings that short words hardly have: `albers` has nothing to do with an alb. */
const longEndings = /^(?:ers?|est|able|ness|ment|ly)$/;

/** True for a word and its forms, as they are in the dictionary. */
function isForm(lower: string): boolean {
  if (commonWords.has(lower) || isStem(lower)) return true;
  for (const [ending, ...instead] of endings) {
    if (!lower.endsWith(ending)) continue;
    const stem = lower.slice(0, -ending.length);
    if (stem.length < (longEndings.test(ending) ? 4 : 2)) continue;
    if (instead.some((letters) => isStem(stem + letters))) return true;
    if (stem.at(-1) === stem.at(-2) && isStem(stem.slice(0, -1))) return true;
  }
  return false;
}

/** States, provinces and parts of the world, in lower case. */
const regions: ReadonlySet<string> = new Set(
  'alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|georgia|hawaii|idaho|illinois|indiana|iowa|kansas|kentucky|louisiana|maine|maryland|massachusetts|michigan|minnesota|mississippi|missouri|montana|nebraska|nevada|new hampshire|new jersey|new mexico|new york|north carolina|north dakota|ohio|oklahoma|oregon|pennsylvania|rhode island|south carolina|south dakota|tennessee|texas|utah|vermont|virginia|washington|west virginia|wisconsin|wyoming|ontario|quebec|québec|british columbia|alberta|manitoba|nova scotia|new south wales|queensland|tasmania|bavaria|bayern|saxony|sachsen|hessen|hesse|tyrol|tirol|normandy|normandie|brittany|bretagne|provence|catalonia|cataluña|andalucía|andalusia|tuscany|toscana|lombardy|lombardia|sicily|sicilia|sardinia|piedmont|europe|asia|africa|north america|south america|middle east|latin america|scandinavia|silicon valley|balkans|caribbean|manhattan|brooklyn|queens|the bronx|yorkshire|kent|essex|sussex|surrey|cornwall|devon|norfolk|lancashire|midlands'.split(
    '|',
  ),
);

/** True for a state, a province or a part of the world. */
export function isRegion(name: string): boolean {
  return regions.has(name);
}

/** Names that are words as well, but names where they have a capital. */
const mostlyNames = setOf(
  'aliyah bailey barney beau bob bobby brad carol charlie chad clement colleen derrick dirk eddy emery ester fritz frank graham hank harry hector jack jake jasper jenny jimmy joey john johnny josh ken kelvin lee maria martin mike molly myrtle nelson newton noel pascal patty peter phoebe rick roger romeo rosemary sally sheila ted teddy terry tim timothy tom tony troy veronica victor warren willy abbey holly heather jasmine ray randy felicity gene glen lance sandy rob ron don stan jay jean marina alexandra',
);

/** True for a known name that is no word, or hardly ever one where it has a capital. */
export function isOnlyName(name: string): boolean {
  if (mostlyNames.has(name)) return true;
  return (isFirstName(name) || isLastName(name)) && !ambiguousNames.has(name) && !commonWords.has(name) && !isStem(name);
}

/** True for a first name, also one of two with a hyphen. */
export function isFirstName(word: string): boolean {
  return isKnownFirstName(word) || (word.includes('-') && word.split('-').every(isKnownFirstName));
}

/** True where a name is also a word. */
export function isAmbiguous(name: string): boolean {
  return ambiguousNames.has(name);
}

/** True for words that are no name, whatever their first letter. */
export function isCommon(word: string): boolean {
  return commonWords.has(word);
}

function has(list: () => ReadonlySet<string>): (word: string) => boolean {
  return (word) => list().has(word);
}
