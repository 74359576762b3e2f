import { writeFileSync } from 'node:fs';
import { injectionFeatures } from '../src/modules/privacy/injection/analyze-injection.ts';
import { priorBias, priorWeights } from '../src/modules/privacy/injection/injection-priors.ts';
import { injectionCorpus } from '../test/privacy/injection-corpus/corpus.ts';

/*
 * Learns the weights of the injection detector: a logistic regression over its signals, from the first half of the corpus. Weights are
 * held near those that were set by hand, and keep their sign, so that few examples of a signal teach little.
 *
 *   node scripts/train-injection.ts        writes src/modules/privacy/injection/injection-weights.ts
 */

const rounds = 4_000;
const rate = 0.3;
/** How strongly a weight is held to what was set by hand: as many examples as this speak for it. */
const trust = 3;

const texts = injectionCorpus()
  .filter(({ half }) => half === 'dev')
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
