import { Analyzer } from '../../src/modules/privacy/anonymizer/analyzer.ts';
import { builtInRecognizers, patternRecognizers } from '../../src/modules/privacy/anonymizer/recognizers.ts';
import type { Workload } from '../options.ts';
import type { Table } from '../report.ts';
import { spreadOf } from '../statistics.ts';

/** Megabytes of text a second that were searched in one round: by the patterns, and by everything that is built in. */
export interface PrivacyRound {
  patterns: number;
  everything: number;
}

/** A stretch of what people write to a support desk: some personal data, many numbers that are none, and prose. */
const messages = `Hello, I am writing about order no. 4711-2231, which was placed on 2026-03-14 at 10:32 and should have cost 1,299.00 EUR.
My e-mail is ann.miller@example.com, and you can call me at +44 20 7946 0958 after 5 pm. The parcel (tracking 1Z999AA10123456784) went to the
wrong address. Version 2.4.1 of the app shows "error 0x80070057", see https://status.example.com/incidents/9821?x=1 for details.
Thanks for your help; it is the third time this month that something like that happens to us.
Wir haben am Montag telefoniert; die Rechnung Nr. 2026-00123 ist noch offen, bitte prüfen Sie das. IBAN DE89 3702 0044 0532 0130 00.
Vielen Dank und freundliche Grüße. While nobody in the office had time to look at what the customers wrote about the new release and its
many small improvements, two of them asked whether the old settings would be kept, and one wanted to know who decides about such things.
`;

/** Measures how fast texts are searched, after one round that is not counted. */
export function measurePrivacy({ rounds, privacy }: Pick<Workload, 'rounds' | 'privacy'>): PrivacyRound[] {
  const text = messages.repeat(Math.ceil(privacy.bytes / Buffer.byteLength(messages)));
  const megabytes = Buffer.byteLength(text) / 1e6;
  const { messageLength } = privacy;
  const pieces = Array.from({ length: Math.ceil(text.length / messageLength) }, (_, at) =>
    text.slice(at * messageLength, (at + 1) * messageLength),
  );
  const [patterns, everything] = [new Analyzer(patternRecognizers), new Analyzer(builtInRecognizers)];
  const speedOf = (analyzer: Analyzer): number => {
    const before = process.cpuUsage();
    let found = 0;
    for (const piece of pieces) found += analyzer.analyze(piece).length;
    const { user, system } = process.cpuUsage(before);
    if (found < pieces.length) throw new Error('The search for personal data found too little to be measured.');
    return megabytes / ((user + system) / 1e6);
  };
  const all = Array.from({ length: rounds + 1 }, () => ({ patterns: speedOf(patterns), everything: speedOf(everything) }));
  return all.slice(1);
}

/** Table of the privacy measure. */
export function privacyTable(rounds: PrivacyRound[]): Table {
  const row = (label: string, pick: (round: PrivacyRound) => number) => ({ label, figures: { speed: spreadOf(rounds.map(pick)) } });
  return {
    title: 'Text searched for personal data, MB for each second of CPU',
    columns: [{ key: 'speed', title: 'parley' }],
    rows: [row('kinds with a form (patterns)', ({ patterns }) => patterns), row('all kinds, names too', ({ everything }) => everything)],
  };
}
