import type { Recognizer } from '../recognizer.ts';

const nationalities =
  'Afghan|Albanian|Algerian|American|Angolan|Argentine|Argentinian|Armenian|Australian|Austrian|Azerbaijani|Bangladeshi|Belarusian|Belgian|Bolivian|Bosnian|Brazilian|British|Bulgarian|Burmese|Cambodian|Cameroonian|Canadian|Chilean|Chinese|Colombian|Congolese|Croatian|Cuban|Cypriot|Czech|Danish|Dominican|Dutch|Ecuadorian|Egyptian|English|Eritrean|Estonian|Ethiopian|Filipino|Finnish|French|Gambian|Georgian|German|Ghanaian|Greek|Guatemalan|Haitian|Honduran|Hungarian|Icelandic|Indian|Indonesian|Iranian|Iraqi|Irish|Israeli|Italian|Jamaican|Japanese|Jordanian|Kazakh|Kenyan|Korean|Kosovan|Kurdish|Kuwaiti|Laotian|Latvian|Lebanese|Liberian|Libyan|Lithuanian|Macedonian|Malaysian|Maltese|Mexican|Moldovan|Mongolian|Moroccan|Namibian|Nepalese|Nepali|Nicaraguan|Nigerian|Norwegian|Omani|Pakistani|Palestinian|Panamanian|Paraguayan|Persian|Peruvian|Polish|Portuguese|Qatari|Romanian|Russian|Rwandan|Saudi|Scottish|Senegalese|Serbian|Singaporean|Slovak|Slovenian|Somali|South African|Spanish|Sri Lankan|Sudanese|Swedish|Swiss|Syrian|Taiwanese|Tanzanian|Thai|Tunisian|Turkish|Ugandan|Ukrainian|Uruguayan|Venezuelan|Vietnamese|Welsh|Yemeni|Zambian|Zimbabwean|African|Asian|European|Arab|Arabic|Hispanic|Latino|Latina|Caucasian';
const beliefs =
  'Christian|Catholic|Protestant|Orthodox|Lutheran|Baptist|Methodist|Evangelical|Mormon|Muslim|Sunni|Shia|Shiite|Jewish|Jew|Hindu|Buddhist|Sikh|Atheist|Agnostic|Democrat|Republican|Conservative|Labour|Liberal|Socialist|Communist|Tory|Muslima|Katholisch|Evangelisch|Jüdisch|Muslimisch';
const group = new RegExp(String.raw`(?<![\p{L}\d-])(?:${nationalities}|${beliefs})s?(?![\p{L}\d])`, 'gu');

const groups: ReadonlySet<string> = new Set(`${nationalities}|${beliefs}`.toLowerCase().split('|'));

/** True for a nationality, a religion or the like, in lower case. */
export function isGroup(lower: string): boolean {
  return groups.has(lower) || (lower.endsWith('s') && groups.has(lower.slice(0, -1)));
}

/** Nationalities, religions and political groups. */
export const nationality: Recognizer = {
  name: 'nationality',
  kinds: ['NRP'],
  find: ({ text }) =>
    [...text.matchAll(group)].map(({ 0: word, index }) => ({ kind: 'NRP', start: index, end: index + word.length, confidence: 0.55 })),
};
