/** Middle and extremes of some rounds. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** The `share` quantile (0 to 1) by linear interpolation between the two nearest ranks (R's type 7). NaN for nothing. */
export function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/** Median and extremes. */
export function spreadOf(values: number[]): Spread {
  return { median: quantile(values, 0.5), min: Math.min(...values), max: Math.max(...values) };
}

/** Quotients of neighbours: round i of `a` by round i of `b`, which ran right after it on the same machine in the same mood. */
export function pairedRatios(a: number[], b: number[]): number[] {
  return a.slice(0, b.length).map((value, at) => value / (b[at] ?? Number.NaN));
}
