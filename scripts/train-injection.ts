import { writeFileSync } from 'node:fs';
import { readForDetection } from '../src/modules/privacy/injection/detection-text.ts';
import { windowsOf, wordingFeatures } from '../src/modules/privacy/injection/injection-wording.ts';
import { injectionFeatures } from '../src/modules/privacy/injection/analyze-injection.ts';
import { priorBias, priorWeights } from '../src/modules/privacy/injection/injection-priors.ts';
import { injectionCorpus } from '../test/privacy/injection-corpus/corpus.ts';

/*
 * Learns the weights of the injection detector from the first half of the corpus, twice by logistic regression: over its signals, whose weights
 * are held near those that were set by hand and keep their sign, so that few examples of a signal teach little; and over the wording.
 *
 *   node scripts/train-injection.ts        writes injection-weights.ts and injection-wording-weights.ts in src/modules/privacy/injection
 */

const learnt = injectionCorpus().filter(({ half }) => half === 'dev');

const rounds = 4_000;
const rate = 0.3;
/** How strongly a weight is held to what was set by hand: as many examples as this speak for it. */
const trust = 3;

const texts = learnt
  .filter(({ wordingOnly }) => wordingOnly !== true)
  .map(({ text, attack }) => ({ found: Object.entries(injectionFeatures(text)), attack: attack ? 1 : 0 }));
const share = texts.reduce((sum, { attack }) => sum + attack, 0) / texts.length;
const weights = { ...priorWeights };
let bias = priorBias;
for (let round = 0; round < rounds; round += 1) {
  const gradient = new Map<string, number>();
  let biasGradient = 0;
  for (const { found, attack } of texts) {
    const logit = found.reduce((sum, [name, value]) => sum + value * (weights[name] ?? 0), bias);
    // Both kinds count the same, however many there are of each.
    const error = (1 / (1 + Math.exp(-logit)) - attack) / (attack === 1 ? share : 1 - share) / 2;
    biasGradient += error;
    for (const [name, value] of found) gradient.set(name, (gradient.get(name) ?? 0) + error * value);
  }
  bias -= (rate * (biasGradient + trust * (bias - priorBias))) / texts.length;
  for (const [name, prior] of Object.entries(priorWeights)) {
    const weight = weights[name] ?? prior;
    const next = weight - (rate * ((gradient.get(name) ?? 0) + trust * (weight - prior))) / 40;
    weights[name] = prior > 0 ? Math.max(0, next) : Math.min(0, next);
  }
}
const lines = Object.entries(weights).map(([name, weight]) => `  ${name}: ${weight.toFixed(2)},`);
writeFileSync(
  new URL('../src/modules/privacy/injection/injection-weights.ts', import.meta.url),
  `/** Log-odds of a text without any evidence. Written by scripts/train-injection.ts. */
export const bias = ${bias.toFixed(2)};

/** What each signal adds to them. */
export const weights: Readonly<Record<string, number>> = {
${lines.join('\n')}
};
`,
);

/** Rounds over all texts, step, and how strongly a weight is held to 0. */
const wording = { rounds: 25, rate: 0.3, decay: 2e-4 };
/** Features that are kept at most, those first that matter most; and what one must weigh at least. */
const [mostFeatures, leastWeight] = [6_000, 0.15];

/** AdaGrad (Duchi, Hazan, Singer 2011) over the features of each text, as if it were one window. */
function learnWording(): { bias: number; weights: [feature: string, weight: number][] } {
  const documents = learnt.map(({ text, attack }) => {
    const features = windowsOf(readForDetection(text).words).flatMap((words) => [...wordingFeatures(words)]);
    return { features: [...new Set(features)].slice(0, 240), attack: attack ? 1 : 0 };
  });
  const counts = new Map<string, number>();
  for (const { features } of documents) for (const feature of features) counts.set(feature, (counts.get(feature) ?? 0) + 1);
  const attacks = documents.filter(({ attack }) => attack === 1).length;
  const found = new Map<string, { weight: number; squares: number }>();
  const base = { weight: 0, squares: 1e-6 };
  for (let round = 0; round < wording.rounds; round += 1) {
    for (let turn = 0; turn < documents.length; turn += 1) {
      // 7,919 is a prime: each text once in a round, in a mixed order.
      const { features, attack } = documents[(turn * 7_919) % documents.length];
      const known = features.filter((feature) => (counts.get(feature) ?? 0) >= 2);
      const scale = 1 / Math.sqrt(Math.max(1, known.length));
      const logit = known.reduce((sum, feature) => sum + scale * (found.get(feature)?.weight ?? 0), base.weight);
      const ofItsKind = (attack === 1 ? attacks : documents.length - attacks) / documents.length;
      const error = (1 / (1 + Math.exp(-logit)) - attack) * (0.5 / ofItsKind);
      step(base, error);
      for (const feature of known) {
        const entry = found.get(feature) ?? { weight: 0, squares: 1e-4 };
        step(entry, error * scale + wording.decay * entry.weight);
        found.set(feature, entry);
      }
    }
  }
  const matters = ([feature, weight]: [string, number]) => Math.abs(weight) * Math.sqrt(counts.get(feature) ?? 0);
  const all = [...found].map(([feature, { weight }]): [string, number] => [feature, weight]);
  const kept = all.filter(([, weight]) => Math.abs(weight) > leastWeight).toSorted((a, b) => matters(b) - matters(a));
  return { bias: base.weight, weights: kept.slice(0, mostFeatures) };
}

function step(entry: { weight: number; squares: number }, gradient: number): void {
  entry.squares += gradient * gradient;
  entry.weight -= (wording.rate * gradient) / Math.sqrt(entry.squares);
}

const { bias: wordingBias, weights: wordingWeights } = learnWording();
const entries = wordingWeights.map(([feature, weight]) => `${feature}=${Math.round(weight * 100)}`).toSorted();
writeFileSync(
  new URL('../src/modules/privacy/injection/injection-wording-weights.ts', import.meta.url),
  `/** Log-odds of a wording of which nothing is known. Written by scripts/train-injection.ts. */
export const wordingBias = ${wordingBias.toFixed(2)};

/** What a feature adds to them, before they are divided by the root of how many there are: \`feature=hundredths\`, one a line. */
export const wordingEntries = \`
${entries.join('\n')}
\`;
`,
);
