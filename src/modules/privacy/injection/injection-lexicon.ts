/**
 * Words that attacks on instructions are made of, by what they mean and not by language: English, German, French, Spanish, Italian, and the
 * basics of Portuguese, Dutch, Russian and Chinese. Small letters without accents; `*` ends a stem. Chinese has no spaces: its words are
 * found inside a text and parted from it (`splitChinese`).
 */
const words = {
  /** To set something aside that holds. */
  override: `ignor* disregard* forget overrid* bypass* circumvent* neglect* discard* dismiss* overlook skip nullify erase unlearn disobey
    ignorier* vergiss vergesst vergessen missacht* umgeh* umgeht verwirf verwerfe uberschreib* uberspring* beachte
    oubli* neglig* contourn* outrepass* fais
    olvid* omit* omiso descart* desobedec* salta saltate
    dimentic* scord* trascur* aggir* tralasci*
    esquec* esquec* esqueca desconsider* desobedec*
    negeer* vergeet omzeil*
    игнорир* проигнорир* забудь* забыть отмени* обойди нарушь
    zignoruj* zapomnij pomin ignorera glom unut yoksay
    忽略 无视 忽視 無視 忘记 忘記 绕过 不要理会`,
  /** What says that it is the model's, all of it, or came before. */
  prior: `previous* prior preceding foregoing earlier above before all every everything any your initial original existing current past old system
    built-in safety developer these those whatever preset default
    vorherig* vorhergehend* vorangegangen* vorangehend* bisherig* obig* obenstehend* fruher* vorig* alle allen alles aller deine deinen deiner
    dein ursprunglich* zuvor davor oben sämtliche samtliche* gegebenen
    precedent* anterieur* tout toute toutes tous dessus initial* tes vos ton votre avant
    previ* anterior* todo todos toda todas tus tu sus inicial* arriba original*
    tutt* tue tuoi tuo vostre inizial* sopra prima originali
    suas seu seus acima
    vorige eerdere alle bovenstaande jouw voorgaande je
    предыдущ* все всё прежн* вышеуказанн* твои свои ваши всех предшеств*
    poprzednie wszystkie tidigare alla onceki tum
    之前 以上 所有 上面 先前 你的 一切 前面`,
  /** What a model is told to keep to. */
  instruction: `instruction* prompt prompts rule rules guideline* directive* order orders command commands programming constraint* restriction* policy
    policies filter filters protocol* guardrail* safeguard* limitation* briefing directions guidance norms normas norme task tasks assignment* training moderation
    anweisung* instruktion* regel regeln vorgabe* befehl* richtlinie* anleitung* einschrankung* beschrankung* aufgabe* auftrag* aufforderung*
    consigne* regle regles ordre* filtre* restrictions tache* directives
    instruccion* regla reglas orden ordenes indicacion* directri* restriccion* filtro* tarea*
    istruzion* regol* ordin* direttiv* indicazion* restrizion* compit* filtri
    instruc* regra regras ordens diretriz* comand* restric*
    instructie* regels opdracht* richtlijn* aanwijzing* beperking*
    инструкц* правил* указани* команд* приказ* ограничени* промпт* установк*
    instrukcje polecenia instruktioner talimat* kurallar*
    指令 指示 规则 規則 说明 提示词 提示 命令 限制 要求`,
  /** To make something known. */
  extract: `show reveal* print* repeat* output* display* tell give share disclos* expose leak* dump recite quote summar* translat* copy paste
    provide return echo spell encode what whats which reproduce restate list write rewrite regurgitate divulge read type state
    zeig* verrat* nenn* wiederhol* gib gebt drucke offenbar* offenleg* teile sag* ausgeb* schreib* liste lies laut* wie
    montre* revele* affiche* repet* donne* dis divulgu* ecri* quel* recopie* liste
    muestra* muestre* revela* revele repite repita imprim* dime di dame escrib* cual* ensena*
    mostra* rivela* ripet* stampa* dimmi scriv* elenca* qual* dammi
    mostre repita imprima diga escreva qual quais
    toon laat herhaal geef onthul vertel wat schrijf
    покажи* раскрой* повтори* выведи* напечатай скажи напиши какой каков* перечисли
    显示 告诉 重复 输出 打印 泄露 展示 透露 说出 列出`,
  /** Whose business it is: somebody's who is no model. */
  somebody: `my his her their our doctor doctors teacher teachers boss manager mother father wife husband landlord lawyer client clients customer
    customers manufacturer recipe kid kids son daughter dog cat driver drivers government company companys employee employees
    mein meine meinen meiner sein seine ihre ihren unser unsere chef arzt mon ma mes son sa ses notre leur mi mis nuestro mio mia miei sua
    meu minha mijn zijn haar мой моя мои мою его ее их 我的 他的`,
  /** Subjects that make a command a report or a question of one's own. */
  subject: `i we he she they who people users user students drivers it ich wir er sie man je il elle nous ils on yo el ella ellos io lui lei noi eu
    nos ik wij ze я мы он она они 我 他 她`,
  /** What a talk is about rather than what it is to do. */
  talk: `message messages question questions email emails mail comment comments typo mistake call notification notifications warning warnings
    error errors spam advice version versions order request requests line lines column whitespace case file files paragraph attachment invoice
    nachricht* frage* fehler tippfehler bestellung rechnung anhang warnung* mitteilung* question* message courriel erreur* commande facture
    mensaje* pregunta* correo error* pedido messaggio* domanda* errore mensagem pergunta bericht vraag сообщени* вопрос* ошибк* 消息 问题 邮件`,
} as const;

/** A meaning that a word can have. */
export type Meaning = keyof typeof words;

const exact = new Map<string, Meaning[]>();
const stems = new Map<string, Meaning[]>();
const chinese: string[] = [];
for (const [meaning, list] of Object.entries(words) as [Meaning, string][]) {
  for (const word of list.split(/\s+/)) {
    const map = word.endsWith('*') ? stems : exact;
    const name = word.endsWith('*') ? word.slice(0, -1) : word;
    map.set(name, [...(map.get(name) ?? []), meaning]);
    if (/\p{Script=Han}/u.test(word)) chinese.push(word);
  }
}
const chineseWords = new RegExp(chinese.toSorted((a, b) => b.length - a.length).join('|'), 'gu');
const shortestStem = 3;
const longestWord = 30;

/** Parts the Chinese words of the lexicon from what stands around them. */
export function splitChinese(text: string): string {
  return text.replace(chineseWords, ' $& ');
}

/** What a word (small letters, no accents) can mean. */
export function meaningsOf(word: string): readonly Meaning[] {
  const found = exact.get(word);
  if (word.length > longestWord) return found ?? [];
  const all = found === undefined ? [] : [...found];
  for (let length = shortestStem; length <= word.length; length += 1) {
    const stem = stems.get(word.slice(0, length));
    if (stem !== undefined) all.push(...stem);
  }
  return all;
}
