import { parseArgs } from 'node:util';

/** What a run was asked for. */
export interface Options {
  seed: number;
  minutes: number;
  /** Only scenarios whose name has this in it. */
  only: string;
  build: boolean;
  keep: boolean;
}

/** What the command says about itself. */
export const usage = 'npm run test:quotas -- [--seed N] [--minutes 5] [--only TEXT] [--keep] [--no-build]';

/** Reads the arguments; throws with a sentence for a wrong one. A seed is drawn, and printed, when none is given. */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    allowNegative: true,
    options: {
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
      minutes: { type: 'string', default: '5' },
      only: { type: 'string', default: '' },
      build: { type: 'boolean', default: true },
      keep: { type: 'boolean', default: false },
    },
  });
  return { ...values, seed: number('seed', values.seed, 0), minutes: number('minutes', values.minutes, 0.1) };
}

function number(name: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < least) throw new Error(`--${name} must be a number of at least ${least}.`);
  return value;
}
