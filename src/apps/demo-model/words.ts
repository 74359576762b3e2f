const stopWords = new Set(
  (
    'a an and are as at be been but by can could did do does for from had has have he her his how i if in is it its just me my of on or our ' +
    'she should so than that the their them then there these they this to us was we were what when where which who why will with would you your ' +
    'tell please about any some get give know need want am not no yes'
  ).split(' '),
);

/** The words of a text, lower-cased and cut to a rough stem, so that "opening" meets "open" and "hours" meets "hour". */
export function words(text: string): string[] {
  return (
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}_]+/gu) ?? []
  ).map(stem);
}

/** True for words that say nothing about the subject. Takes what `words` gives. */
export function isStopWord(word: string): boolean {
  return stopWords.has(word);
}

function stem(word: string): string {
  if (word.length < 5 || stopWords.has(word))
    return word.length === 4 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word;
  for (const ending of ['ings', 'ing', 'ies', 'ed', 'es', 's']) {
    if (word.endsWith(ending) && !word.endsWith('ss') && word.length - ending.length >= 3) return word.slice(0, -ending.length);
  }
  return word.endsWith('e') ? word.slice(0, -1) : word;
}
