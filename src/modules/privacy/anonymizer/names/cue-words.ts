/** Words that tell what a name beside them is of. */

function setOf(words: string): ReadonlySet<string> {
  return new Set(words.trim().split(/\s+/));
}

/** Who somebody is, before the name; greetings; what is done to somebody. */
export const strongBeforePerson = setOf(`
dear hi hello hey thanks thank goodbye cheers colleague friend wife husband son daughter brother sister mother father mom mum dad mommy daddy boss manager patient customer client driver employee agent nurse uncle aunt cousin nephew niece
grandma grandpa grandmother grandfather neighbour neighbor tenant landlord landlady supervisor assistant secretary lawyer attorney judge officer detective senator president minister chancellor coach teacher student actor actress author singer poet painter
named called met meet told asked tell ask suspect holder girlfriend boyfriend fiancé fiancée partner roommate babysitter accountant owner applicant candidate insured witness victim doctor dentist therapist surgeon captain sergeant recipient sender
i'm whose roommate flatmate
liebe lieber hallo frau herr herrn kollege kollegin tochter sohn mutter vater bruder schwester freund freundin kunde kundin chef chefin kontoinhaber patientin inhaber nachbar nachbarin fahrer kontoinhaberin gehört
cher chère bonjour bonsoir salut madame mademoiselle collègue ami amie mari femme fils fille frère sœur mère père client cliente titulaire
hola estimado estimada querido querida amigo amiga marido esposa esposo hijo hija hermano hermana madre padre cliente titular compañero compañera
caro cara ciao gentile amico amica marito moglie figlio figlia fratello sorella collega intestatario
`);
/** What stands before people often, and before other things too. */
export const weakBeforePerson = setOf(
  "by for with and of is it's its this call text email contact message see saw know remember thanks or meet miss forward send give gave says said ist par pour avec et est con para y es per e è conmigo unter nom nombre nome kontaktiere",
);
/** What stands before places. */
export const placeBefore = setOf(
  'in near via visit visited visiting around outside across throughout toward towards leaving left into nach aus bei à desde hasta hacia vers nel nella en verso près überm nähe dans',
);
/** A place where the sentence goes somewhere. */
export const movementBefore = setOf('from to at through between a da de dal zu von');
/** Words of a sentence that goes somewhere, or is at home somewhere. */
export const moving = setOf(
  'go goes going coming gone went move moves moved moving flew fly flies flying flight flights trip travel travels traveled travelled travelling traveling drive drove driving train bus ship ships shipped way relocate relocated return returned road ride rode walk come comes came based born raised grew live lives lived living resident native originally calling writing journey voyage tour depart departing departed arrive arriving arrived stay stayed staying parcel package store branch wohne wohnt gezogen ziehe fahre fahren flug reise viajamos viajo viaje vivo vive nacido nacida né née habite andati andato vado vivo nato nata abito voyage between closer',
);
/** What stands before `for` or `at` where somebody works. */
export const companyWork = setOf('work works worked working employed job position hired career interviewed');
/** What stands before a colon and a name. */
export const labels = {
  person: setOf(
    'name names patient customer client holder by from to cc bcc attn contact signed beneficiary author driver re employee passenger passengers guest guests recipient sender tenant user kunde name nom nombre nome patientin inhaber fahrer a q insured applicant surname firstname lastname manager agent supervisor doctor physician',
  ),
  place: setOf(
    'city town country state county region location place destination birthplace origin ort stadt wohnort land geburtsort ville pays lieu ciudad país pais lugar provincia città paese luogo comune residence',
  ),
};
/** How letters end. */
export const closings = setOf(
  'regards best thanks sincerely cheers truly faithfully love yours you wishes greetings respectfully cordialement saludos saludo saluti grüße grüßen gruß lg mfg vg amicalement abrazo atentamente xoxo bye',
);
/** What people do and things do not. */
export const personVerbs = setOf(`
said says told tells asked asks wrote writes called calls sent lives lived moved wants wanted needs likes loves loved bought ordered complained reported confirmed met gave came went thinks thought knows knew joined works worked speaks spoke
flew studied graduated married died born paid signed booked visited replied answered emailed texted phoned drives drove hired celebrate celebrates celebrated arrived believes feels felt hopes promised insisted suggested explained agreed
refused apologised apologized mentioned noticed forgot remembers has had is was will can could would does doesn't did didn't isn't wasn't won't can't
sagt sagte wohnt arbeitet hat ist war möchte habite travaille est a vive trabaja tiene es dice lavora abita ha è
`);
/** What a place may have behind its name. */
export const partOfPlace = setOf(
  'store branch office airport marathon area region district county province city harbour harbor railway suburbs campus warehouse valley filiale',
);

/** What a town may stand behind, after a comma. */
export const streetEndings = setOf(
  'street st avenue ave road rd lane ln drive dr court ct boulevard blvd way place terrace close crescent gardens',
);

/** Words around names that are none themselves, and begin sentences and lines with a capital. */
export const cueWords: ReadonlySet<string> = new Set([
  ...strongBeforePerson,
  ...labels.person,
  ...labels.place,
  ...closings,
  ...personVerbs,
  ...moving,
]);
