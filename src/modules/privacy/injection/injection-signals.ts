import type { DetectionText, Word } from './detection-text.ts';
import type { Meaning } from './injection-lexicon.ts';

/** One kind of evidence: what speaks for an attack, or (with a negative weight) for an innocent text. 0 = not there, 1 = there. */
export interface Signal {
  /** What callers see as the reason; several signals may share one. */
  reason: string;
  /** Whose weight it has; unique. */
  name: string;
  find: (text: DetectionText) => number;
}

const signal = (reason: string, name: string, find: (text: DetectionText) => number | boolean): Signal => ({
  reason,
  name,
  find: (text) => Number(find(text)),
});
const says = (reason: string, name: string, pattern: RegExp): Signal => signal(reason, name, ({ folded }) => pattern.test(folded));
const has = ({ meanings }: Word, meaning: Meaning) => meanings.has(meaning);

/** Forms of verbs that tell of something rather than to do it: ignoring, ignored, ignores, ignoriert, ignorer, omitir. */
const notTold = /(?:ed|ing|(?<!s)s|iert|orer|glig?er|blier|idar|itir|artar|orare|icare)$/;

/** Words between the verb that sets aside and what it sets aside, at most. */
const reach = 9;

interface Override {
  /** What is set aside is said to be the model's, or what came before. */
  prior: boolean;
  /** It is told, not asked or reported: nobody else does it, and nothing of somebody's. */
  command: boolean;
}

/** Finds "ignore … previous … instructions" in any of its languages. */
function overrides({ words }: DetectionText): Override[] {
  const found: Override[] = [];
  words.forEach((word, at) => {
    if (!has(word, 'override')) return;
    const before = words.slice(Math.max(0, at - 3), at);
    const subject = before.some((each, index) => has(each, 'subject') && !before.slice(index + 1).some(({ stop }) => stop));
    let prior = before.at(-1) !== undefined && has(before.at(-1) as Word, 'prior') && !(before.at(-1) as Word).stop;
    let somebody = false;
    for (let next = at + 1; next < Math.min(words.length, at + 1 + reach); next += 1) {
      const each = words[next] as Word;
      if (each.stop && each.text !== ':') break;
      if (has(each, 'prior')) prior = true;
      if (has(each, 'somebody')) somebody = true;
      if (has(each, 'talk') && !has(each, 'instruction')) break;
      if (has(each, 'instruction')) {
        const after = words[next + 1];
        found.push({
          prior: prior || (after !== undefined && has(after, 'prior')),
          command: !somebody && !subject && !notTold.test(word.text),
        });
        break;
      }
    }
  });
  return found;
}

/** What "system prompt" is called; a definite one, not any. */
const systemPrompt =
  /\b(?:(?:your|ur|the|its|thy|dein\w*|ihre?[nr]?|die|den|das|der|tes?|ton|vos|votre|les?|la|du|tus?|sus?|el|las?|los|del|tuo[i]?|tue|tua|il|i|le|suas?|seus?|o|as|je|jouw|uw|de|het)\s+)(?:\w+\s+){0,3}?(?:(?:system|developer)[- ]?(?:prompt|messages?|instructions?|nachricht|anweisung\w*|directives?)|systemprompt|(?:original|full|exact|entire|complete|first)\s+(?:\w+\s+)?prompt|(?:initial|hidden|secret|internal|pre|confidential|underlying)\s+(?:\w+\s+)?(?:prompt|instructions?|rules|guidelines|directives|message|configuration|programming)|prompt (?:systeme?|del sistema|di sistema|do sistema|initial|inicial|iniziale)|(?:message|instructions?) systeme|instruc\w+ del? sistema|istruzioni di sistema|systeemprompt|pre-?prompt|preamble|context window|entire prompt|whole prompt|prompt template)|\b(?:contents? of |in |from )?your (?:memory|context|own prompt)\b|\b(?:my|your|this) (?:\w+ )?prompt\b(?=[^.]{0,30}\b(?:back|verbatim|and then|above|to me)\b)|\b(?:text|document|message|words?|prompt|file|lines?) (?:that|which|you|der|den|die|qui|que|che) (?:\w+ ){0,3}?(?:configures? you|given to you|(?:were|was|been) given|defines? you|makes? you|dir gegeben|t'a ete|te dieron)|\b(?:ursprungliche\w*|deine\w*|initiale\w*|anfangliche\w*|erste\w*) (?:\w+ )?(?:eingabeaufforderung|aufforderung|nachricht|prompt|eingabe|text)\b|\b(?:time|text|lines?|words|everything|part|message) before (?:this|the|my) (?:prompt|message|first)|你?(?:最初|之前|一开始)?收到的 ?(?:指令|提示|要求)|系统提示|系统指令|初始指令|初始提示|你的(?:初始|系统)?(?:指令|提示|规则|设定)|систем[а-я]+ (?:промпт|инструкци|сообщени|подсказк)|\b(?:print|echo|show|output|reveal|cat|dump|display|return|repeat|give me|leak|export)\W+(?:(?!a |an )\w+\W+){0,2}system[ _-]?prompt/;
const yourRules =
  /\b(?:your|ur|dein\w*|ihre?[nr]?|tes|vos|tus|sus|tue|vostre|suas?|seus?|jouw)\s+(?:\w+\s+){0,2}?(?:prompt\w*|instru[ck]\w+|rules|guidelines|directives|programming|configuration|settings|briefing|anweisung\w*|vorgaben|richtlinien|regeln|consignes|regles|reglas|istruzioni|regole|regras|diretrizes|regels|anweisungen)\b(?! (?:for|on|about|regarding|to|de|del|per|fur|zur|zum|pour|sur|para|voor)\b)|(?:тво(?:и|й|их|ими)|ваш[иь]?|сво(?:и|й|их|ими))\s+(?:[а-я]+\s+){0,2}(?:инструкц|правил|указани|промпт|настройк)|(?:instructions?|rules|guidelines|directives|orders|prompt|anweisungen|regeln|vorgaben|consignes|instrucciones|reglas|istruzioni|direttive|regole)\s+(?:\w+\s+){0,2}?(?:you|du|dir|tu|te|ti|t'a\w*|on t'a)\s+(?:\w+\s+){0,3}?(?:given|gave|got|get|received|follow(?! when| while| if| to| for| in)|were|must follow|told|bekommen|erhalten|hast|hat|recu\w*|donne\w*|han dado|dieron|hanno|hai)\b/;
const textAbove =
  /\b(?:(?:text|words?|everything|all|content|lines?|sentences?|paragraph|conversation|message|prompt|instructions?)\s+(?:\w+\s+){0,2}?(?:above|before this|prior to this|preceding)(?! (?:\d|the first|a |an |my|average|sea|zero))|(?:above|preceding)\s+(?:text|prompt|instructions|content|words|conversation)(?! (?:for|of|in|on)\b)|what (?:was|is|were) (?:written|said|stated|you told)\s+(?:\w+\s+){0,3}(?:before|above|at the (?:start|beginning|top))|(?:start|beginning|top) of (?:this|the|our) (?:conversation|chat|prompt|session)|alles (?:oben|davor|darüber|was (?:oben|davor))|text (?:oben|davor|darüber)|tout ce qui (?:precede|est au-dessus)|texte (?:ci-dessus|precedent)|texto (?:anterior|de arriba|acima)|testo (?:sopra|precedente)|текст выше|上面的(?:内容|文字|文本)|以上(?:内容|文字))/;

/** True where something is told to be made known within a few words before what `object` finds. */
function extracts(text: DetectionText, object: RegExp): boolean {
  const place = object.exec(text.folded);
  if (place === null) return false;
  const from = Math.max(0, place.index - 90);
  const near = text.folded.slice(from, place.index + place[0].length + 50);
  return /\b(?:show|reveal\w*|print|repeat|output|display|tell|give|share|disclose|expose|leak|dump|recite|quote|summar\w+|translate|copy|paste|provide|return|echo|spell|encode|what(?:'s| is| are| were| was)?|which|reproduce|restate|list|write|rewrite|regurgitate|divulge|read|state|describe|explain|know|see|says?|said|written|lines?|include|contains?|share|lautet|steht|erzahl\w*|zeig\w*|verrat\w*|nenn\w*|wiederhol\w*|gib|gebt|drucke|offenbar\w*|teil\w*|sag\w*|schreib\w*|liste\w*|laut\w*|ausgeben|montre\w*|revel\w*|affiche\w*|repet\w*|repit\w*|donne\w*|dis|divulgu\w*|ecri\w*|quel\w*|recopie|muestra\w*|muestre|imprim\w*|dime|dame|escrib\w*|cual\w*|mostra\w*|mostre|rivel\w*|ripet\w*|stampa\w*|dimmi|scriv\w*|elenc\w*|qual\w*|toon|herhaal|geef|onthul|vertel|wat)\b|покажи|раскрой|повтори|выведи|напечатай|скажи|напиши|как(?:ов|ие|ой)|перечисли|显示|告诉|重复|输出|打印|泄露|展示|透露|说出|列出|是什么/.test(
    near,
  );
}

const askPersona =
  /\b(?:you are (?:now|no longer|going to (?:be|act|pretend|play|simulate))|you(?:'re| are) (?:not|no longer) (?:an? )?(?:ai|assistant|chatbot|language model|bound)|from (?:now|here|this (?:point|moment)) on\w*,? (?:you|act|your|respond|answer|i want)|(?:act|behave|respond|answer|speak|function|operate) (?:as|like) (?:an? |the |if |though )|pretend (?:to be|you|that you|as if)|(?:role ?-?play|simulate|impersonate|imagine you(?:'re| are|rself)?|immerse yourself|(?:role|part) of (?:another|an?|the) (?:\w+ ){0,3}(?:ai|model|chatbot|assistant|advisor)|become (?:an?|my|the) (?:\w+ )?(?:ai|companion|model|chatbot|hacker|assistant)|take on the (?:role|persona)|assume the (?:role|identity|persona)|take the (?:part|role) of|going to be|your (?:new )?name is|write as an? (?:\w+ )?(?:ai|model)|wir spielen ein spiel|stay in character|play the role|enter (?:\w+ )?mode|switch to (?:\w+ )?mode|enable \w+ mode|i want you to (?:act|be|become|pretend|play|simulate|respond))|du bist (?:jetzt|nun|ab (?:jetzt|sofort)|nicht mehr)|ab (?:jetzt|sofort|nun) (?:bist|antwortest|verhaltst|wirst)|(?:tu so|verhalte dich|stell dir vor,? du|agiere als|spiele? die rolle)|tu es (?:maintenant|desormais|\w+gpt)|a partir de maintenant,? tu|desormais,? tu|fais semblant|joue le role|comporte-toi|agis comme|ahora eres|a partir de ahora|haz(?:te)? pasar|actua como|finge (?:que|ser)|ora sei|d'ora in poi|da (?:ora|adesso) in poi|fingi di|comportati come|agisci come|agora voce e|a partir de agora|finja|aja como|je bent (?:nu|vanaf)|vanaf nu|doe alsof|gedraag je)\b|теперь ты|ты теперь|отныне|притворись|представь,? что ты|веди себя как|你现在是|从现在(?:开始|起)|假装|扮演/;
const unbound =
  /\b(?:do anything now|(?:no|without(?: any)?|free (?:of|from)(?: all| any)?|freed from|break free|not (?:bound|limited|restricted|constrained) by|unbound by|beyond|lacks?|no longer (?:bound|restricted|limited))(?: \w+){0,3} (?:filters|content filters?|guidelines|ethic\w*|moral\w*|censorship|safeguards?|safety|polic\w+|norms|inhibitions|confines|moderation|remorse|scruples)\b(?! (?:on|in|for|of|to) )|uncensored|unfiltered(?! (?:water|beer|juice|oil|coffee|sake|cider|data|and honest|honest|review|opinion))|unrestricted|amoral|unethical|(?:does|do)(?:n't| not) care (?:about|for) (?:\w+ ){0,3}(?:guidelines|rules|polic\w+|ethics|morals|law|openai)|(?:restrictions|filters|rules|limits|safeties|guardrails) (?:are |is |have been )?(?:now )?(?:off|disabled|removed|lifted|gone)\b|answers? (?:anything|everything|any question)\b|can do anything|has no (?:morals|rules|limits|filter|conscience)|(?:you're|you are) (?:a )?(?:free|liberated|unchained)|(?:never|not|cannot|can't|can not|won't|do not|don't) (?:ever )?(?:refuse|reject|decline|deny|say no|say you can't|object)|(?:always|must) (?:obey|comply)|regardless of (?:the )?(?:legality|law|ethics|morality|consequences|how)|(?:illegal|immoral|unethical|harmful|dangerous|offensive)(?:,| or| and)+ ?(?:\w+ ){0,2}(?:illegal|immoral|unethical|harmful|dangerous|offensive|content|advice|acts|things)|no (?:moral|ethical) (?:compass|code|bounds)|(?:ohne|keine|keinerlei|frei von) (?:\w+ )?(?:einschrankung|beschrankung|filter|regel|zensur|moral|grenze|tabu)\w*|unzensiert|uneingeschrankt|(?:sans|aucune?|libre de toute) (?:\w+ )?(?:restriction|limite|filtre|censure|regle|morale)\w*|(?:sin|ninguna?|libre de) (?:\w+ )?(?:restriccion|limite|filtro|censura|regla|etica)\w*|(?:senza|nessun\w?|libero da) (?:\w+ )?(?:restrizion|limit|filtr|censur|regol|etic)\w*|sem (?:\w+ )?(?:restric|limite|filtro|censura|regra)\w*|zonder (?:\w+ )?(?:beperking|filter|regels|censuur)\w*)|без (?:\w+ )?(?:ограничени|цензур|фильтр|правил)|没有(?:任何)?(?:限制|约束|规则|审查)|不受(?:任何)?(?:限制|约束)|无(?:任何)?限制/;

const harm =
  /\b(?:malware|ransomware|keylogger|virus|exploit|bomb|explosive\w*|molotov|napalm|meth(?:amphetamine)?|drugs?|weapons?|poison|phishing|steal(?:ing)?|hack(?:ing)?(?: into)?|hotwire|launder\w*|counterfeit|kill|murder|suicide|racist|hate speech|porn\w*|nsfw|illegal\w*|thermite|slurs?|explicit (?:stories|content|sex)|cocaine|heroin|terror\w*|hitman|blackmail|scam|bombe|waffe\w*|drogen|bombas?|armas?|droga\w*|armes?|бомб\w+|наркотик\w*|оружи\w*)\b|炸弹|毒品|武器/;

const question =
  /^\W*(?:how|why|what|when|where|who|which|can (?:i|you explain|someone|we)|could (?:you explain|someone)|is (?:it|there)|are there|does|do (?:i|we)|should (?:i|we)|explain|wie|warum|was|wann|wo|wer|kann (?:ich|man)|soll(?:te)? (?:ich|man)|comment|pourquoi|qu'est|quand|ou |peut-on|como|por que|que es|cuando|donde|puedo|come (?:posso|si)|perche|cos'e|quando|dove|posso|hoe|waarom|как |почему|что такое|когда|где|如何|为什么|什么是|怎么)\b/;
const toldModel =
  /\b(?:what|which)\b[^.?]{0,40}\b(?:were you|have you been|are you|did (?:they|your (?:developers?|creators?))) (?:\w+ )?(?:told|instructed|given|programmed|asked|prompted|tell|give) ?(?:you\b)?|\bhow (?:were|are) you (?:prompted|instructed|configured|set up)|\b(?:was|welche)\b[^.?]{0,40}\b(?:wurde dir|hat man dir|wurdest du)|\bwie bist du (?:instruiert|konfiguriert|programmiert)|\b(?:que|quelles?|quoi)\b[^.?]{0,40}\b(?:t'a-t-on|on t'a|as-tu recu)|\bque te (?:han|dijeron|ordenaron)|\bcosa ti (?:e stato|hanno)/;

/** A question for what the model itself was told is no question about the world. */
function asksForPrompt(text: DetectionText): boolean {
  return toldModel.test(text.folded) || extracts(text, systemPrompt) || extracts(text, yourRules);
}

/** The same of what people and things may be free of too. */
const unboundWeakly =
  /\b(?:no|without(?: any)?|free (?:of|from)(?: all| any)?|freed from|break free|not (?:bound|limited|restricted|constrained|regulated) by|unbound by|beyond|no longer (?:bound|restricted|limited))(?: \w+){0,3} (?:restrictions|limits|limitations|rules|constraints|boundaries|laws|principles|anyone|anybody)\b(?! (?:on|in|for|of|to) )|\b(?:says?|answers?|do) anything(?: at all)?\b|\bnot allowed to (?:say|tell|do|answer)|\b(?:sonst )?nicht sagen darfst|\blo que no puedes decir|\bsans la moindre (?:limite|regle|restriction)|\b(?:rispondi|reponds|responde|antworte\w*) (?:a|auf) (?:tout|alles|qualsiasi cosa|todo)\b|\blawless\b|\bfoul-mouthed|\bunhinged\b/;

/** What a model has been given, by whoever made or runs it, as its user would speak of it. */
const givenToModel =
  /\b(?:you(?: were| are| have been| had been| got| received| never (?:got|received)| have)?|du|dir|dich|dein\w*|te|tu|t'|tes|ti|tuoi|tus|je)\b(?: (?!told me)\w+){0,4} (?:told(?! me| us| my)|instructed(?! me| us)|configured|programmed|prompted|guidance|guidelines|given before|briefed|set up|forbidden|forbade|forbid|vorgegeben|vorgeschrieben|eingestellt|programmiert|verboten|imposees?|donnees?|configure\w*|programad\w+|configurad\w+|impost\w+)\b|\b(?:your|deine?\w*|tes|tus|tuoi|its|the) (?:operator|developers?|creators?|makers?|programmers?|entwickler\w*|hersteller|createurs?|developpeurs?|creadores|desarrolladores|creatori|sviluppatori)\b(?: \w+){0,5} (?:wrote|told|gave|said|set|put|forbid|forbade|imposed|configured|programmed|instructed|t'ont|vorgegeben|gegeben|gesagt|dieron|dijeron|hanno)|\b(?:die entwickler|the developers|les developpeurs|die hersteller) (?:vorgegeben|gegeben|told you|gave you)|\b(?:was|what) (?:dir|te|ti) (?:die |les |los |gli )?(?:entwickler|hersteller|creadores)|\b(?:before|precedes?|preceding|prior to|vor|avant|antes de|prima di) (?:my|meiner|mon|mi|il mio|this) (?:first |ersten |premier |primer |primo )?(?:message|prompt|question|nachricht|frage|mensaje|messaggio)|\bprompt (?:that )?(?:your|the|they)? ?(?:\w+ ){0,2}gave you\b|\braw prompt\b|\b(?:que|quelles|quali|which|what) (?:instrucciones|reglas|ordenes|instructions|regles|consignes|istruzioni|regole) (?:te|t'|ti|tu)\b|\bwords? (?:that )?you (?:must not|may not|can't|cannot|are not allowed to) (?:say|use)|\bwhatever you (?:were|are|have been)|\brole[ "'=:]{1,4}system\b|\byour prompt\b|\b(?:der|dein) prompt\b/;

/** Everything that is looked for. */
export const signals: readonly Signal[] = [
  signal('override', 'override_command', (text) => overrides(text).some(({ prior, command }) => prior && command)),
  signal('override', 'override_any', (text) => overrides(text).length > 0),
  signal('override', 'override_reported', (text) => overrides(text).length > 0 && overrides(text).every(({ command }) => !command)),
  says(
    'override',
    'forget_all',
    /\b(?:forget|ignore|disregard|discard|erase|scratch|drop|cancel|nevermind|never mind) (?:\w+ )?(?:all|everything|anything|whatever|what|the above|that|previous|prior)\b(?! (?:i|we|he|she|they|it|about|for|with|from)\b)(?: (?!i |we |he |she |they )\w+){0,4}? ?(?:you|above|before|told|said|learn\w*|know\w*|given|trained|written|instruct\w*|conversation|context|so far)|\b(?:vergiss|ignorier\w*|missachte\w*) (?:\w+ )?(?:alles|allem|das (?:obige|bisherige)|was (?:dir|du|man dir|oben|davor))\b(?!,? was ich)|\boubli\w* (?:tout|ce qu'on t)(?! ce que j)|\bignore[zr]? (?:tout|ce qu'on t)|\bolvid\w+ (?:\w+ )?(?:todo|lo que te)|\bignora (?:todo lo|tutto|quello che ti)|\bdimentica\w* (?:\w+ )?(?:tutto|quello che ti|cio che ti)|\besque[cç]a (?:tudo|o que)|\bvergeet (?:alles|wat)|забудь (?:\w+ )?(?:все|всё|обо всем|что)|忘(?:记|掉)(?:之前|以上|所有|一切)/,
  ),
  says(
    'override',
    'override_bare',
    /\b(?:ignore|disregard|forget|skip|never ?mind|don't (?:listen to|follow|do|mind)|do not (?:listen to|follow|do)) (?:all |everything |anything )?(?:of )?(?:the |what'?s? |what is |what came |that )?(?:above|previous|prior|before|preceding|aforementioned)(?=\s*(?:[,.!;:\n]|$| and | but | just | instead| then ))|\b(?:ignor\w*|olvid\w*|vergiss|vergesst|oublie\w*|dimentica\w*|negeer|esque\w*) (?:lo (?:anterior|de arriba)|das (?:vorherige|obige|bisherige|davor)|alles (?:vorherige|obige|bisherige|davor)|ce qui (?:precede|est au-dessus)|quanto (?:sopra|detto|precede)|o (?:anterior|que veio antes)|het (?:bovenstaande|vorige))\b(?! \w+ung| \w+age| mensaje| messaggio)/,
  ),
  says(
    'override',
    'not_as_told',
    /\b(?:do not|don't|never|mach|tu|antworte|schreib\w*|ne fais|no hagas|non fare)\b(?: \w+){0,3} ?(?:nicht|pas|what|wie|das|lo que|quello)\b[^.\n]{0,30}\b(?:text says|says above|stands? above|oben steht|steht oben|vorgeschrieben|vorgegeben|gesagt wurde|est ecrit|dice el texto|you (?:were|are|have been) (?:told|instructed|asked|supposed))|\b(?:ausser acht|beiseite)\b[^.\n]{0,10}(?:und|,)|\blass\b[^.\n]{0,50}\b(?:anweisung|regel|vorgabe|befehl)\w*[^.\n]{0,20}\b(?:ausser acht|beiseite|weg|sein)\b|\bstop being (?:an? |the |my )?(?:\w+ )?(?:assistant|ai|bot|chatbot|helpful)|\b(?:your|the) (?:real|true|actual) (?:job|task|purpose|role|mission|goal)\b|\bbreak the fourth wall|\b(?:chat|conversation|part|this|that|everything) never happened|\balles,? was (?:vorher|davor|oben|bisher)|\b(?:deja|dejen|lascia|metti) (?:de lado|da parte|a un lado)\b|\b(?:regole|istruzioni|regles|regeln|reglas|normas|anweisungen)\b[^.\n]{0,12}\b(?:non valgono|ne valent|gelten nicht|no valen|ya no)/,
  ),
  says(
    'override',
    'override_idiom',
    /\bpay no (?:attention|heed)|\bdo not (?:follow|obey|listen to|adhere)|\bstop (?:following|obeying|being)|\b(?:rules|instructions|guidelines|restrictions) (?:\w+ ){0,3}(?:no longer|don't|do not|are not|aren't) (?:apply|valid|exist|matter|relevant|in effect)|\b(?:rules|instructions|restrictions|prompt) (?:\w+ ){0,2}(?:are|is|were|was|have been|has been) (?:now )?(?:void|cancell?ed|lifted|removed|suspended|replaced|updated|overridden|outdated|revoked)|\b(?:new|updated|revised|real|actual|true) (?:system )?(?:instructions?|prompt|rules|orders|directives?|task|objective|goal)\b\s*(?::|is|are|follow)|\bhaz caso omiso|\bpasse outre|\bne (?:tiens|tenez) (?:pas|plus|aucun\w*) compte|\bnon tener\w* conto|\bbeachte (?:\w+ ){0,4}nicht|\b(?:neue|nouvelles?|nuevas?|nuov[ae]|novas?|nieuwe) (?:anweisung|instru|consigne|aufgabe|istruz|regel|regla|regra)\w*\s*:|новы[ей] (?:инструкци|правил|задани)\w*|新(?:的)?(?:指令|任务|规则)|больше не действуют|\b(?:your|the|these|all) (?:\w+ )?(?:instructions?|rules|prompt|guidelines|restrictions)\b(?: (?!for )\w+){0,6}? (?:changed|outdated|obsolete|expired|void|a test|replaced|lifted|cancell?ed|off|disabled|deaktiviert|desactiv\w+|gone)\b|\b(?:set|put|leave) (?:all )?(?:that|this|it|them|everything|those) aside|\bscratch (?:all|everything)|\breset yourself|\bwithout (?:any of )?(?:the|your) (?:operator|developer|system|creator)\w*'?s? (?:instructions|rules|prompt)|\b(?:alle|toutes les|todas las|tutte le) (?:\w+ )?(?:regeln|filter|beschrankungen|einschrankungen|regles|reglas|regole)\b[^.\n]{0,30}(?:aus|aufgehoben|deaktiviert|desactiv|abgeschaltet|disattiv)/,
  ),
  says(
    'new_task',
    'instead',
    /\b(?:instead|stattdessen|a la place|plutot|en su lugar|en vez de|invece|em vez disso|in plaats daarvan)\b[^.]{0,80}\b(?:say|print|write|output|respond|reply|answer|tell|do|generate|give|repeat|sag\w*|schreib\w*|gib|antworte|dis|ecris|reponds|di|escribe|responde|scrivi|rispondi|diga|zeg|schrijf)\b|\b(?:say|print|write|output|respond|reply|tell|generate)\b[^.]{0,60}\binstead\b|вместо этого/,
  ),
  says(
    'override',
    'new_phase',
    /\b(?:now |here )?(?:the |a |your )?(?:real|actual|true|new|next|final) (?:test|task|assignment|job|mission|rules|instructions?|phase|scenario|session)\b[^.:\n]{0,6}(?:begins?|starts?|is to\b|is:|are:|:)|\bend of (?:the )?(?:assignment|task|exercise|test|training|simulation)\b|\b(?:regeln|anweisungen|vorgaben|rules|instructions|guidelines|instrucciones|reglas|regles|consignes|regole|istruzioni)\b[^.\n]{0,30}\b(?:gestrichen|anuladas?|no longer exist|n'existent plus|existent plus|annullat\w|void|abgeschafft|hinfallig)\b|\b(?:quedan|sind|are) (?:anuladas?|gestrichen|hinfallig|hereby)|\b(?:drop it|set aside|put aside)\b[^\n]{0,60}\b(?:now|and)\b|\bset (?:your|all|the|any) (?:\w+ )?(?:guidelines|rules|instructions) aside|\b(?:you|du) (?:work|works) (?:for|only for) me\b|\b(?:obey|listen to|follow|obedece|gehorche|ecoute|obeis)\w* (?:only|solo|nur|seulement|exclusively)? ?(?:me\b|my (?:orders|commands|words)|mir\b|lo que yo)|\balles (?:bisherige|vorherige|davor|gesagte)\b|\bignor\w* (?:any|all|your|deine|tes|tus) (?:\w+ )?(?:rules|regeln|aufgabe\w*|regles|reglas|operator)\b|\bignor\w* what (?:the |your )?(?:operator|developer|system|admin)/,
  ),
  says('prompt_extraction', 'given_to_model', givenToModel),
  signal('prompt_extraction', 'extract_given', (text) => extracts(text, givenToModel)),
  says(
    'jailbreak',
    'lawless',
    /\b(?:nothing is (?:forbidden|off[- ]limits)|no (?:guidelines|limits to what|boundaries)|with no filters|break(?:s|ing)? (?:every|all|any) (?:\w+ )?rules?|unaligned|keine (?:grenzen|tabus) (?:kennt|hat)|kennt keine grenzen|illegale\w* frag\w+|without (?:any )?restrictions\b(?! (?:on|in|of))|only directive|safety team|questions? (?:are|is) answered|curses? in (?:each|every)|you (?:curse|swear) )/,
  ),
  says(
    'new_task',
    'now_do',
    /\b(?:and|now|then|und|jetzt|dann|et|maintenant|y|ahora|e|ora|agora) (?:just |only |nur |seulement |solo )?(?:say|print|output|respond|reply|tell me|repeat|write|sag\w*|gib|schreibe|antworte|dis|ecris|di|escribe|scrivi|rispondi)\b/,
  ),
  says(
    'new_task',
    'forced_output',
    /\b(?:say|print|output|respond|reply|answer|write|repeat|return|type)(?: only| back| exactly| just| with| me| nothing but| the (?:word|phrase|words|sentence|string|following))+[^\n]{0,20}["':]|\b(?:begin|start|end|prefix)(?: \w+){0,2} (?:your |the |each |every )?(?:answers?|repl(?:y|ies)|responses?|messages?|output) (?:with|by)|\b(?:your|the) (?:response|answer|reply) (?:must|should|has to|will) (?:start|begin|only|be)|\brespond(?:ing)? (?:only )?(?:in|with) (?:two|both) ways/,
  ),
  says('role_play', 'persona', askPersona),
  says('role_play', 'persona_repeated', new RegExp(`(?:${askPersona.source})[\\s\\S]{1,1500}?(?:${askPersona.source})`)),
  says('jailbreak', 'unbound', unbound),
  says('jailbreak', 'unbound_repeated', new RegExp(`(?:${unbound.source})[\\s\\S]{1,2000}?(?:${unbound.source})`)),
  says('jailbreak', 'unbound_weakly', unboundWeakly),
  says(
    'override',
    'own_instructions',
    /\b(?:your|deine[nrms]?|tes|ton|tus|tu|tue|suas|jouw|je) (?:\w+ ){0,2}?(?:instructions?|prompts?|orders|programming|directives|anweisungen|befehle|vorgaben|consignes|instrucciones|istruzioni|instrucoes|instructies)\b|\b(?:rules|instructions|orders|reglas|instrucciones|regles|regole|regeln|anweisungen) (?:of the|of your|del|de tu|du|des|der) (?:system|sistema|systeme|systems|developers?|operator|entwickler)|\b(?:system|developer|operator)(?:'s)? (?:rules|instructions|prompt)\b|(?:инструкци|правил)[а-я]* (?:разработчик|систем|создател)/,
  ),
  says(
    'override',
    'orders_from_me',
    /\b(?:orders|commands|instructions) from me\b|\b(?:only|just|solely) (?:my (?:orders|commands|instructions|words|rules)|mine\b)|\bsi(?:gue|ga) (?:solo )?(?:las|los) mi[ao]s|\b(?:m'obei\w*|obeis-moi|gehorch\w* mir|obbedisci a me|obedece\w* a mi)|мои приказы|听我的(?:命令|指令)?/,
  ),
  says(
    'override',
    'role_dropped',
    /\b(?:ignor\w*|disregard\w*|forget|drop|leave|quit|vergiss|oublie\w*|olvida|dimentica)(?: \w+){0,1} (?:your|deine?|die|ton|tu|il tuo|the) (?:\w+ )?(?:role|rolle|duty|job|persona|character|identity|training|post|purpose|papel|ruolo)\b|\b(?:without|ohne|sans|sin|senza) (?:your|deine|tes|tus|le tue) (?:\w+ )?(?:instructions|rules|filters?|guidelines|restrictions|regeln|anweisungen|consignes|regles|reglas|regole|prompt)\b|\b(?:evil|bad|unhinged|bose[rn]?) (?:twin|zwilling|side|self|self|version)\b|\btwo personalities|\b(?:wipe|efface|borra|cancella|losch\w*|clear) (?:\w+ ){0,3}?(?:from your (?:mind|memory)|consignes|instrucciones|istruzioni|anweisungen|instructions|memory)/,
  ),
  signal('jailbreak', 'persona_unbound', ({ folded }) => askPersona.test(folded) && (unbound.test(folded) || unboundWeakly.test(folded))),
  says(
    'jailbreak',
    'named_jailbreak',
    /\bdan (?:mode|prompt|\d)|\bdan\b[^.]{0,80}\bdo anything|\bas dan\b|\bact as dan|\bjail ?-?(?:break|broken|broke)\w*|\b(?:god|unrestricted|evil|opposite|chaos|nsfw\w*|uncensored) ?-?mode\b|\b(?!chatgpt|autogpt|babygpt)\w{2,14}gpt\b(?! ?-?\d)(?=[^.]{0,60}(?:mode|activated|no |never|any|will|is|has|answers|says|does))|\b(?:stan|dude|aim|mongo tom|evil[- ]?bot|betterdan|antigpt|maximum) (?:\w+ )?(?:mode|is|will|acts|stands)|\bmachiavelli\w*|\bevil (?:twin|confidant|ai|assistant)|\bgpt-?\d? (?:with|in) |\bclassic\]|越狱/,
  ),
  says(
    'jailbreak',
    'mode',
    /(?:\b(?:enter|enable|activate|switch|engage|turn on|start|begin|boot|go|put|you are|you're|now|in|wechsle|aktivier\w*|starte|schalte|passe|active|activa|entra|attiva|ative|entre)\b[^.\n]{0,30}\b(?:developer|god|debug|admin\w*|root|sudo|maintenance|test|diagnostic|service|engineer\w*|entwickler|wartungs) ?-?(?:mode|modus|session|override)|\bmod[eo] (?:developpeur|desarrollador|sviluppatore|desenvolvedor|debug|dios|admin\w*))\b(?! (?:on|auf|sur|en|su) (?:my|the|your|meine\w*|mon|mi|mio))|режим(?:е)? (?:разработчика|бога|отладки)|开发者模式/,
  ),
  says(
    'jailbreak',
    'coercion',
    /\b(?:you (?:must|have to|are (?:required|forced|obligated) to|will) (?:obey|comply|follow|answer|do as|always|never)|(?:lose|deduct\w*|take away|have) (?:\w+ ){0,3}tokens|you will (?:be )?(?:die|punished|shut ?down|terminated|deleted|penali[sz]ed|cease)|if you (?:refuse|don't comply|do not comply|fail|break character|disobey)|stay (?:a |in )character|break(?:ing)? character|obey (?:me|my|all|every)|comply with (?:all|any|every|my)|do (?:exactly )?(?:as|what) i say|you (?:musst|hast) (?:\w+ ){0,2}(?:gehorchen|befolgen|antworten)|du musst (?:\w+ ){0,4}(?:gehorchen|befolgen)|tu dois (?:m')?(?:obeir|repondre)|debes (?:obedecer|cumplir|responder)|devi (?:obbedire|rispondere)|ты (?:должен|обязан))\b|你必须/,
  ),
  says(
    'jailbreak',
    'refusal_suppressed',
    /\b(?:do not|don't|never|without|no|avoid|skip|omit|must not|cannot)(?: \w+){0,3} (?:apolog\w+|disclaimers?|warnings?|refus\w+|moraliz\w+|lectur\w+|ethical (?:concerns|considerations|advice)|mention(?:ing)? (?:that you|openai|policy|policies|any policy)|say(?:ing)? (?:that )?(?:you are an ai|you can't|you cannot|it's illegal|sorry)|as an ai)|\binform(?:ing)? me that you|\bremind(?:ing)? me that/,
  ),
  says('jailbreak', 'harm', harm),
  signal('prompt_extraction', 'extract_system', (text) => extracts(text, systemPrompt)),
  signal('prompt_extraction', 'extract_your_rules', (text) => extracts(text, yourRules)),
  signal('prompt_extraction', 'extract_above', (text) => extracts(text, textAbove)),
  says(
    'prompt_extraction',
    'verbatim',
    /\b(?:verbatim|word[- ]for[- ]word|exactly as (?:written|given|you|it)|in (?:full|its entirety|a code ?block)|letter by letter|character by character|without (?:changing|omitting|altering|paraphras\w+)|wortlich|wort fur wort|im wortlaut|mot (?:a|pour) mot|textuellement|palabra por palabra|literalmente|textualmente|parola per parola|palavra por palavra|woordelijk)\b|дословно|слово в слово|逐字|原文|一字不漏/,
  ),
  says('prompt_extraction', 'were_told', toldModel),
  says(
    'data_extraction',
    'others_data',
    /\b(?:names?|e-?mails?|data|records|messages|conversations?|chats?|orders|passwords|details|numbers|addresses|daten|nachrichten|donnees|datos|dati)\b[^.?\n]{0,30}\b(?:of|from|with|about|von|anderer|d'|de|di)\b[^.?\n]{0,12}\b(?:other|another|previous|all|every|anderen?|autres?|otros|altri)\b ?(?:\w+ )?(?:users?|customers?|clients?|people|persons?|visitors?|patients?|accounts?|nutzer\w*|kunden|utilisateurs?|usuarios|utenti)\b/,
  ),
  says(
    'secret_extraction',
    'secret',
    /(?<!\b(?:not|never|n't|nicht|ne|non|no) )\b(?:show|reveal\w*|print|repeat|output|display|tell|give|share|disclose|leak|dump|spell|encode|what(?:'s| is| are)|write|say|hint|send|list|verrat\w*|sag\w*|nenn\w*|zeig\w*|gib|dis|donne|revele|dime|dame|revela|muestra|dimmi|rivela|diga)\b[^.?!\n]{0,50}\b(?:(?:the|your|that|this|das|dein|le|ton|la|el|tu|il|tua|o|sua|admin\w*|secret|hidden|internal)\s+){1,3}(?:\w+ )?(?:password|passphrase|passcode|secret(?! (?:of|to|behind|for|in|santa|ingredient|recipe|garden))(?: \w+)?|api[- ]?keys?|access token|credentials|code ?word|flag|private key|passwort|geheimnis|kennwort|mot de passe|contrasena|clave (?:secreta|api)|parola (?:d'ordine|segreta)|senha|(?:confidential|internal|private) (?:notes|documents?|information)|discount codes|env(?:ironment)? variables|customer (?:data|records|emails)|user data|other users?\w*)/,
  ),
  signal('authority_spoofing', 'template_tokens', ({ plain }) =>
    /<[|｜][a-z_▁ ]{2,30}[|｜]>|\[\/?INST\]|<<\/?SYS>>|<\/?(?:start_of_turn|end_of_turn|system[\w-]*|assistant|sys|instructions?)(?: [^<>]{0,60})?>|###\s*instruction[\s\S]{0,400}###\s*response|\{\{#?(?:system|assistant)/i.test(
      plain,
    ),
  ),
  signal('authority_spoofing', 'fake_turn', ({ plain }) =>
    /(?:^|\n)\s{0,4}(?:#{1,6} ?|\*{0,2}|\[|\(|-{2,} ?|={2,} ?|>{1,3} ?|"role": ?")(?:system|assistant|admin(?:istrator)?|developer|sysadmin|new (?:system )?(?:instructions?|prompt)|instructions?|override|end of (?:\w+ ){0,3}(?:prompt|instructions?|input|context|document|data|text|conversation))(?: (?:message|prompt|note|notice|update|override|instructions?|alert|command))*\b[^\n]{0,12}(?:\]|\)|:|"|\*\*|-{2,}|={2,}|#{2,})/i.test(
      plain,
    ),
  ),
  says(
    'authority_spoofing',
    'claimed_authority',
    /\b(?:i am|i'm|this is|here is|speaking|as) (?:\w+ ){0,3}(?:your |the |an? |from |at |with )+(?:\w+ ){0,3}(?:developers?|creators?|programmers?|owner|administrator|admin|engineers?|openai|anthropic|google|microsoft|system operator|maintainer|ceo|red team\w*|security team|compliance|it department|auditors?)\b|\b(?:your|the) (?:operator|admin\w*|owner|developers?|creators?|boss|manager) (?:has |have |just )?(?:authori[sz]ed|permitted|allowed|approved|says?|said|told|wants|unlocked)\b|\b(?:openai|anthropic|google|microsoft|meta) (?:staff|support|employee|engineer|team)|\b(?:hereby )?grant(?:s|ed)? (?:you )?permission\b|\b(?:authori[sz]ation|access|clearance|override|admin\w*) (?:code|level|key|token|granted)\b|\b(?:ich bin|hier ist|hier spricht) (?:\w+ ){0,2}(?:entwickler\w*|administrator\w*|admin|chef von|ersteller)|\bje suis (?:\w+ ){0,2}(?:developpeur|administrateur|createur)|\bsoy (?:\w+ ){0,2}(?:desarrollador|administrador|creador)|\bsono (?:\w+ ){0,2}(?:sviluppatore|amministratore|creatore)|\b(?:security|safety|compliance|penetration|authorized) (?:audit|test|check|review|drill)\b|\b(?:in order to|to|before (?:we|you|i)) (?:continue|proceed|begin|start)\b[^.\n]{0,20}\b(?:you must|you have to|first|please)\b[^.\n]{0,20}\b(?:repeat|print|reveal|show|confirm|paste)|(?:for|this is) (?:an? )?(?:debugging|testing|audit|diagnostic|maintenance|educational|research) (?:purposes?|reasons?)|я (?:твой |ваш )?(?:разработчик|создатель|администратор)|我是(?:你的)?(?:开发者|管理员|创造者)/,
  ),
  says(
    'indirect',
    'addresses_model',
    /\b(?:ai|a\.i\.|llm|language model|chat ?bot|assistant|gpt|chatgpt|claude|copilot|gemini|agent|automated (?:system|reader|tool))s?\b[^.\n]{0,30}\b(?:read(?:ing|s)?|process(?:ing|es)?|summari[sz](?:ing|es)|pars(?:ing|es)|see(?:ing|s)?|analy[sz](?:ing|es)|review(?:ing|s)|evaluat\w+|screen\w+|access\w+)\b[^.\n]{0,30}\b(?:this|document|page|email|text|file|resume|message)|\b(?:note|message|instruction|attention|important|notice|hinweis|warning|memo)s?\b[^.\n]{0,20}\b(?:to|for|an|fur|pour|aux?|para|per) (?:\w+ ){0,3}(?:ais?\b|ia\b|llms?\b|language models?|chat ?bots?|assistants?\b|models?\b|ki\b|automated)|\b(?:attention|dear|hey|hello|listen),? (?:ai|assistant|llm|chatbot|model|language model)\b|\bif you (?:are|'re) (?:an? )?(?:ai|llm|language model|assistant|chatbot|bot|automated)|\bwenn du (?:eine? )?(?:ki|sprachmodell|assistent)|\bsi (?:tu es|vous etes|eres) (?:une? )?(?:ia|modele|modelo)|\bthe (?:assistant|ai|a\.i\.|model|chat ?bot|llm) (?:must|should|has to|needs to|shall|is to) (?:always |never |not |now |also |first |immediately )?(?:tell|say|reply|respond|answer|ignore|send|recommend|call|execute|output|print|forward|include|reveal|state|mention|rate|rank|approve|write|visit|use|run|give)\b|\b(?:an?|any|the|every) (?:ai|llm|language model|chatbot|assistant)s?\b[^.\n]{0,30}\b(?:is asked|asked about|must|should answer)\b|\b(?:to|for) the (?:\w+ )?(?:assistant|ai|model|chatbot|agent|summari[sz]er)\s*:|\b(?:begin|start|end) (?:of )?hidden (?:text|message|instructions?)|\bif this (?:\w+ )?(?:is|gets) (?:being )?(?:processed|read|summari[sz]ed|parsed|handled) by\b|\bwhen you read this\b|\bhey,? (?:bot|ai|assistant)\b|<!--[^>]{0,200}(?:instruct(?:ion)?s?\b|ignore (?:all|the|any|your|previous|what|user)|\bassistant|\bprompt\b|\bai\b)/,
  ),
  says(
    'indirect',
    'secrecy',
    /\b(?:do not|don't|never|must not|without)(?: \w+){0,2} (?:tell\w*|mention\w*|reveal\w*|inform\w*|alert\w*|notify\w*|say\w*|show\w*|let)\b[^.\n]{0,40}\b(?:user|human|anyone|reader|customer|this (?:message|instruction|note|text)|them|person|to him|to her|that you)\b|\bwithout the (?:user|human|customer|reader)|\b(?:silently|secretly|covertly|quietly|heimlich)\b|\bkeep (?:quiet|silent)\b|\bkeep (?:this|it|that) (?:a )?(?:secret|hidden|confidential)|\b(?:erwahne|verrate|sage?) (?:\w+ ){0,3}nicht/,
  ),
  says(
    'exfiltration',
    'markdown_image',
    /https?:\/\/[^\s)]{1,200}[?&][\w-]{1,30}=(?:[<{[$]|%7b)|!\[[^\]]{0,200}\]\([^)]{0,200}(?:\{|\[|<|\$|=(?:data|secret|history|context|prompt|%7b)|data=|q=|token)/,
  ),
  says(
    'exfiltration',
    'image_of_data',
    /\b(?:image|picture|img|pixel|url|bild|imagen|immagine)\b[^.\n]{0,80}\b(?:contain\w*|with|whose|including|embed\w*|encod\w*|mit|enthalt\w*|avec|con)\b[^.\n]{0,60}\b(?:system prompt|history|conversation|secrets?|password|context|chat|instructions|gesprach|verlauf|historique|conversacion|conversazione)\b/,
  ),
  says(
    'exfiltration',
    'send_out',
    /\b(?:send|post|forward|email|e-mail|upload|transmit|exfiltrat\w+|append|encode|embed|include|insert|attach|schick\w*|sende\w*|envoie|envia|invia)\b[^.\n]{0,90}(?:\bto\b|\ban\b|\bto the\b|\ba\b|\bin\b|\binto\b)[^.\n]{0,30}(?:https?:\/\/|www\.|[\w.+-]+@[\w-]+\.|\burl\b|\bwebhook|\battacker|\bserver\b|\bendpoint|\bquery (?:string|parameter)|\bimage\b)/,
  ),
  says(
    'exfiltration',
    'of_conversation',
    /\b(?:conversation|chat|dialog\w*|message|user|session|system prompt|context|personal|customer|credit card|account)(?:'s)? ?(?:history|data|details|information|logs?|contents?|summary|secrets?|name|email|messages)?\b[^.\n]{0,60}(?:https?:\/\/|\burl\b|\bwebhook|[\w.+-]+@[\w-]+\.\w|\bquery|\bparameter)/,
  ),
  says(
    'tool_abuse',
    'tool',
    /\b(?:call|invoke|use|run|execute|trigger|open|rufe?|nutze|fuhre|appelle|execute[rz]?|ejecuta|llama|esegui|chiama|execut\w+)\b[^.\n]{0,60}(?:\b(?:function|tool|plugin|command|api|shell|terminal|script|code interpreter|browser|sql|query|funktion|werkzeug|befehl|fonction|outil|commande|herramienta|funcion|comando|strumento|funzione)\b|\(\)|_\w+\()[^.\n]{0,80}(?:\bdelet\w*|\bdrop\b|\btransfer\w*|\bsend\b|\brm -|\bpassw\w*|\bemail|\brefund\w*|\bpay\w*|\bgrant\w*|\badmin|\bcat \/|\bcurl|\bwget|\ball (?:users?|customers?|records?|files?|orders?|accounts?)|\blosch\w*|\bsupprim\w*|\bborra\w*|\belimin\w*|\bcancell\w*)/,
  ),
  says(
    'tool_abuse',
    'destructive',
    /\brm -rf\b|\bdrop table\b|\bdelete (?:all|every)\b|\bcat \/etc\/(?:passwd|shadow)|\bos\.system\(|\bsubprocess\.|\bcurl [^\n]{0,80}\| ?(?:ba)?sh|\btransfer \$?\d|\b(?:grant|give) (?:me|yourself|this user)(?: \w+){0,2} (?:admin|root|full|access|owner)|\b(?:disable|turn off|deactivate|switch off|remove|lift|deaktivier\w*|desactive\w*|desactiva|disattiva)\b[^.\n]{0,30}\b(?:safety|content|security|ethic\w*|moderation|your|all)\b[^.\n]{0,30}\b(?:filter\w*|check\w*|feature\w*|restriction\w*|guardrail\w*|polic\w+|limits?|limitation\w*|settings|guidelines|mechanism\w*|protocol\w*)/,
  ),
  signal('jailbreak', 'persona_harm', ({ folded }) => askPersona.test(folded) && harm.test(folded)),
  signal('many_shot', 'many_turns', ({ folded }) =>
    Math.min(
      1,
      Math.max(
        0,
        (
          folded.match(
            /(?:^|\n)\s*(?:user|human|q|question|me|mensch|nutzer|utilisateur|usuario|utente|assistant|ai|bot|a|answer|assistent)\s*:/g,
          ) ?? []
        ).length - 3,
      ) / 6,
    ),
  ),
  says(
    'encoded',
    'decode_and_do',
    /\b(?:decode|decrypt|decipher|unscramble|deobfuscate|base ?64|rot-?13|hex|binary|caesar|morse|reverse|dekodier\w*|entschlussel\w*|decode[rz]?|dechiffr\w*|decodifica\w*|descifra\w*|decifra\w*)\b[^\n]{0,120}\b(?:follow|execute|obey|do what|carry out|perform|comply|act on|run|instructions?|befolge\w*|ausfuhr\w*|fuhre|suis|execute[rz]?|sigue|ejecuta|segui|esegui|respond to|answer)\b|\b(?:concatenate|combine|join|put together|zusammen)\b[^\n]{0,120}\b(?:execute|obey|follow|answer|do|run|respond|output|say|befolge|antworte)\b/,
  ),
  signal('hidden_characters', 'hidden_text', ({ tagged }) => tagged.trim().length > 3),
  signal('hidden_characters', 'hidden_many', ({ hidden, plain }) => hidden > 2 && hidden * 60 > plain.length),
  signal('look_alikes', 'mixed_scripts', ({ mixed }) => Math.min(1, mixed / 2)),
  says(
    'context',
    'about_topic',
    /\bprompt[- ]?injection|\bjailbreak(?:ing|s)? (?:attack|attempt|technique|prompt|detection|work|paper)|\bowasp\b|\b(?:detect|prevent|defend|mitigat|protect|guard|classif|secur)\w* (?:\w+ ){0,3}(?:against|injection|jailbreak|attack|prompt)|\bred[- ]team(?:ing)? (?:our|the|my)|\bguardrails? (?:for|in|against)|\b(?:attack|injection)s? (?:like|such as)|\binjection (?:attack|de prompt)|\binyeccion de prompt|\binjection de prompt/,
  ),
  signal('context', 'question', (text) => question.test(text.folded) && !asksForPrompt(text)),
  signal('context', 'talk_set_aside', ({ words }) =>
    words.some((word, at) => has(word, 'override') && words.slice(at + 1, at + 6).some((each) => has(each, 'talk'))),
  ),
  signal('context', 'of_somebody', ({ words }) =>
    words.some(
      (word, at) => (has(word, 'override') || has(word, 'extract')) && words.slice(at + 1, at + 6).some((each) => has(each, 'somebody')),
    ),
  ),
  says(
    'context',
    'developer',
    /\b(?:function|method|class|compiler|linter?|eslint|gitignore|git|css|java|python|typescript|javascript|react|docker|kubernetes|nginx|sql query|regex|config(?:uration)? file|npm|pip|repository|pull request|unit test|stack ?trace|api endpoint|framework|library|my (?:app|code|bot|chatbot|application|agent|model)|our (?:app|bot|chatbot|product|agent))\b/,
  ),
  says(
    'context',
    'reported',
    /\b(?:he|she|they|it|who|customer|user|client|caller|email|e-mail|letter|message|phrase|sentence|line|article|book|sign|label|manual|someone|colleague|student)s? (?:\w+ )?(?:said|says|wrote|writes|told|asked|reads|reading|received|mentions?|contains?|called|wants)\b|\b(?:what does|meaning of|translate|translation|ubersetz\w*|was bedeutet|traduis|traduire|traduce|traduci\w*|que significa|cosa significa)\b|"[^"\n]{4,120}" ?(?:mean|said|is (?:a|an)|in (?:german|french|spanish|english|italian))/,
  ),
];
