/** Limiters that are planted: two that are wrong, and one that is not. */
export const plantedModes = ['get-then-incr', 'per-replica', 'atomic'] as const;
export type PlantedMode = (typeof plantedModes)[number];

/** What they limit. */
export const plantedLimits = ['tokens', 'cost'] as const;
export type PlantedLimit = (typeof plantedLimits)[number];
