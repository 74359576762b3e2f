import { parseArgs } from 'node:util';

/** What a fault run was asked for. */
export interface Options {
  mode: 'streams' | 'acks';
  seed: number;
  minutes: number;
  streams: number;
  replicas: number;
  acks: number;
  kills: number;
  fsync: boolean;
  build: boolean;
  keep: boolean;
  proxy: 'none' | 'haproxy' | 'nginx' | 'apache';
}

/** What the command says about itself. */
export const usage = `npm run test:faults -- [--seed N] [--minutes M] [--streams 200] [--replicas 3] [--proxy haproxy|nginx|apache]
                      [--mode streams|acks] [--acks 1000] [--kills 50] [--fsync] [--keep] [--no-build]`;

/** Reads the arguments; throws with a sentence for a wrong one. A seed is drawn, and printed, when none is given. */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    allowNegative: true,
    options: {
      mode: { type: 'string', default: 'streams' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
      minutes: { type: 'string', default: '3' },
      streams: { type: 'string', default: '200' },
      replicas: { type: 'string', default: '3' },
      acks: { type: 'string', default: '1000' },
      kills: { type: 'string', default: '50' },
      proxy: { type: 'string', default: 'none' },
      fsync: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      build: { type: 'boolean', default: true },
    },
  });
  return {
    mode: oneOf('mode', values.mode, ['streams', 'acks']),
    proxy: oneOf('proxy', values.proxy, ['none', 'haproxy', 'nginx', 'apache']),
    seed: number('seed', values.seed, 0),
    minutes: number('minutes', values.minutes, 0.1),
    streams: number('streams', values.streams, 1),
    replicas: number('replicas', values.replicas, 2),
    acks: number('acks', values.acks, 1),
    kills: number('kills', values.kills, 1),
    fsync: values.fsync,
    build: values.build,
    keep: values.keep,
  };
}

function number(name: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < least) throw new Error(`--${name} must be a number of at least ${least}.`);
  return value;
}

function oneOf<T extends string>(name: string, text: string, allowed: T[]): T {
  const found = allowed.find((value) => value === text);
  if (found === undefined) throw new Error(`--${name} must be one of ${allowed.join(', ')}.`);
  return found;
}
