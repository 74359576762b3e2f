import type { Target } from './target.ts';

/** A target as it stands for the next call of one answer. */
export interface Candidate {
  target: Target;
  /** It may be asked like any other. */
  healthy: boolean;
  /** It can go on from what is shown. */
  continues: boolean;
  /** The prompt fits its window. */
  fits: boolean;
  /** Calls of this answer that it has failed. */
  failures: number;
}

type Wish = (candidate: Candidate) => boolean;

const fresh: Wish = ({ failures }) => failures === 0;
const healthy: Wish = (candidate) => candidate.healthy;
const fits: Wish = (candidate) => candidate.fits;
const continues: Wish = (candidate) => candidate.continues;
const failedOnce: Wish = ({ failures }) => failures === 1;

/** Best first. Nobody is asked again while another is healthy, and nobody unhealthy while anybody is. */
const forNewText: Wish[][] = [[fresh, healthy, fits], [fresh, healthy], [healthy, fits], [healthy], [fresh], []];

/**
 * With text shown, going on from it counts for more than a fresh start elsewhere, which takes it back: so who broke off once is asked
 * to go on before anybody begins anew.
 */
const forShownText: Wish[][] = [
  [continues, fresh, healthy],
  [continues, failedOnce, healthy],
  [fresh, healthy, fits],
  [continues, healthy],
  [healthy],
  [continues, fresh],
  [fresh],
  [continues],
  [],
];

/**
 * The target of the next call: of the best that there are, the lowest tier, and in it by weight. Undefined when there is no candidate.
 * `random`: in [0, 1).
 */
export function chooseTarget(candidates: Candidate[], textShown: boolean, random = Math.random()): Candidate | undefined {
  for (const wishes of textShown ? forShownText : forNewText) {
    const best = candidates.filter((candidate) => wishes.every((wish) => wish(candidate)));
    if (best.length > 0) return byWeight(lowestTier(best), random);
  }
  return undefined;
}

function lowestTier(candidates: Candidate[]): Candidate[] {
  const tier = Math.min(...candidates.map(({ target }) => target.tier));
  return candidates.filter(({ target }) => target.tier === tier);
}

function byWeight(candidates: Candidate[], random: number): Candidate | undefined {
  let left = random * candidates.reduce((sum, { target }) => sum + target.weight, 0);
  for (const candidate of candidates) {
    left -= candidate.target.weight;
    if (left < 0) return candidate;
  }
  return candidates.at(-1);
}
