/** Measures how well personal data is found: `npm run test:privacy`. Exits with 1 where a figure is below its floor. `--misses KIND` shows what was missed and what was wrong. */
import { parseArgs } from 'node:util';
import { Analyzer } from '../../../src/modules/privacy/anonymizer/analyzer.ts';
import { generatedCorpus, heldOutCorpus, learntCorpus } from './corpus.ts';
import { belowFloors } from './floors.ts';
import { misses } from './misses.ts';
import { qualityTable } from './quality-table.ts';
import { score } from './score.ts';

const { values } = parseArgs({
  options: { misses: { type: 'string' }, set: { type: 'string' }, rounds: { type: 'string', default: '20' } },
});
const analyzer = new Analyzer();
const find = (text: string) => analyzer.analyze(text);
const sets = { generated: generatedCorpus(Number(values.rounds)), learnt: learntCorpus(), 'held-out': heldOutCorpus() };
const failed: string[] = [];
for (const [name, texts] of Object.entries(sets)) {
  if (values.set !== undefined && values.set !== name) continue;
  if (values.misses !== undefined) {
    process.stdout.write(`${misses(texts, find, values.misses).join('\n')}\n`);
    continue;
  }
  const counts = score(texts, find);
  process.stdout.write(`${name}: ${texts.length} texts\n\n${qualityTable(counts)}\n\n`);
  failed.push(...belowFloors(counts).map((line) => `${name}: ${line}`));
}
for (const line of failed) process.stdout.write(`${line}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
