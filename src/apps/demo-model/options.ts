import { parseArgs } from 'node:util';
import type { z } from 'zod';
import { LimitSettings } from './enforced-limits.ts';

/** How to start the demo model. Everything has a default. */
export interface DemoModelOptions {
  /** 0 (the default) takes a free port. */
  port?: number;
  host?: string;
  /** Pace of an answer; 0 is as fast as possible. Default 60. */
  tokensPerSecond?: number;
  /** Wait before the first token, in milliseconds. Default 120. */
  firstTokenMs?: number;
  /** When given, every other key is refused. */
  apiKey?: string | undefined;
  /** Appends every witness entry to this file, as JSON lines. */
  witnessFile?: string | undefined;
  /** Keep request bodies: true also writes them to the file, false keeps none; by default in memory only. */
  witnessBodies?: boolean | undefined;
  /** How many entries the memory keeps. Default 200,000. */
  witnessEntries?: number;
  /** Rate limits that are enforced for each key and model. Default: none. */
  limits?: z.input<typeof LimitSettings> | undefined;
}

/** Reads options from the environment and the command line (`--port`, `--host` win). Throws an Error that names what is wrong. */
export function readOptions(env: NodeJS.ProcessEnv, args: string[]): DemoModelOptions {
  const { values } = parseArgs({ args, options: { port: { type: 'string' }, host: { type: 'string' } } });
  const bodies = env['DEMO_MODEL_WITNESS_BODIES'];
  return {
    port: number('port', values.port ?? env['DEMO_MODEL_PORT'], 4010, 65_535),
    host: values.host ?? env['DEMO_MODEL_HOST'] ?? '127.0.0.1',
    tokensPerSecond: number('DEMO_MODEL_TOKENS_PER_SECOND', env['DEMO_MODEL_TOKENS_PER_SECOND'], 60, 1_000_000),
    firstTokenMs: number('DEMO_MODEL_FIRST_TOKEN_MS', env['DEMO_MODEL_FIRST_TOKEN_MS'], 120, 86_400_000),
    apiKey: env['DEMO_MODEL_API_KEY'] || undefined,
    witnessFile: env['DEMO_MODEL_WITNESS_FILE'] || undefined,
    witnessBodies: bodies === undefined || bodies === '' ? undefined : bodies === '1' || bodies === 'true',
    witnessEntries: number('DEMO_MODEL_WITNESS_ENTRIES', env['DEMO_MODEL_WITNESS_ENTRIES'], 200_000, 10_000_000),
    limits: limits(env),
  };
}

function limits(env: NodeJS.ProcessEnv): LimitSettings | undefined {
  const value = (name: string) => env[`DEMO_MODEL_LIMIT_${name}`] || undefined;
  if (value('REQUESTS') === undefined && value('TOKENS') === undefined) return undefined;
  const numeric = (name: string) => (value(name) === undefined ? undefined : Number(value(name)));
  const given = {
    requests: numeric('REQUESTS'),
    tokens: numeric('TOKENS'),
    window_ms: numeric('WINDOW_MS'),
    kind: value('KIND'),
    counts: value('COUNTS'),
  };
  const parsed = LimitSettings.safeParse(given);
  if (parsed.success) return parsed.data;
  const names = parsed.error.issues.map(({ path, message }) => `DEMO_MODEL_LIMIT_${String(path[0]).toUpperCase()}: ${message}`);
  throw new Error(names.join('; '));
}

function number(name: string, text: string | undefined, otherwise: number, max: number): number {
  if (text === undefined || text === '') return otherwise;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0 || value > max) throw new Error(`${name} must be a number from 0 to ${max}, not "${text}".`);
  return value;
}
