import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';

/** One setting: its environment variable, shape, meaning and whether it is a secret. */
export interface ConfigEntry<S extends z.ZodType = z.ZodType> {
  env: string;
  schema: S;
  doc: string;
  /** Secrets are never printed, and may be given as a file by `<NAME>_FILE`. */
  secret: boolean;
  /** Such a file must be closed to everybody but its owner and, for reading, its group. */
  privateFile: boolean;
}

/** A group of settings about one thing, with the token under which Nest hands its values out. */
export interface ConfigTopic<E extends Record<string, ConfigEntry> = Record<string, ConfigEntry>> {
  name: string;
  title: string;
  entries: E;
  token: string;
}

/** The values of a topic, after validation. */
export type ConfigValues<T> = T extends ConfigTopic<infer E> ? { readonly [K in keyof E]: z.output<E[K]['schema']> } : never;

/** Declares one setting. `doc` says what it does, with its unit. */
export function entry<S extends z.ZodType>(
  env: string,
  schema: S,
  doc: string,
  options: { secret?: boolean; privateFile?: boolean } = {},
): ConfigEntry<S> {
  return { env, schema, doc, secret: options.secret ?? false, privateFile: options.privateFile ?? false };
}

/** Declares a topic. */
export function defineTopic<E extends Record<string, ConfigEntry>>(name: string, title: string, entries: E): ConfigTopic<E> {
  return { name, title, entries, token: `config:${name}` };
}

/** Every setting that is wrong, one sentence each, at once. */
export class ConfigError extends Error {
  readonly problems: string[];

  constructor(problems: string[]) {
    super(`The configuration is not valid:\n${problems.map((p) => `  - ${p}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Where container runtimes put secrets: readable for all by default, and closed by the container itself. */
const secretMounts = /^(\/var)?\/run\/secrets\//;

/** True when a file of this mode lets others change it, its group included, or, outside of a container's secrets, read it. */
export function isOpenToOthers(path: string, mode: number): boolean {
  return (mode & (secretMounts.test(path) ? 0o022 : 0o026)) !== 0;
}

function readEntry(item: ConfigEntry, env: NodeJS.ProcessEnv): { value: string | undefined } | { problem: string } {
  const direct = env[item.env];
  const file = env[`${item.env}_FILE`];
  if (item.secret && file !== undefined && file !== '') {
    if (direct !== undefined && direct !== '') return { problem: `${item.env} and ${item.env}_FILE are both set; keep one.` };
    try {
      if (item.privateFile && isOpenToOthers(file, statSync(file).mode))
        return { problem: `${item.env}_FILE names a file that others may read or change; close it (chmod 0400, or 0440 for a group).` };
      return { value: readFileSync(file, 'utf8').trim() };
    } catch {
      return { problem: `${item.env}_FILE names a file that cannot be read.` };
    }
  }
  return { value: direct === '' ? undefined : direct };
}

/**
 * Reads and checks all topics. Values come from `env`; an empty variable counts as absent.
 * Throws ConfigError with every problem of every topic; values of settings are never part of the message.
 */
export function loadTopics(topics: ConfigTopic[], env: NodeJS.ProcessEnv): Map<string, Record<string, unknown>> {
  const problems: string[] = [];
  const loaded = new Map<string, Record<string, unknown>>();
  for (const topic of topics) {
    const values: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(topic.entries)) {
      const read = readEntry(item, env);
      if ('problem' in read) {
        problems.push(read.problem);
        continue;
      }
      const parsed = item.schema.safeParse(read.value);
      if (parsed.success) values[key] = parsed.data;
      else if (read.value === undefined) problems.push(`${item.env} is missing: ${item.doc}`);
      else problems.push(`${item.env} is wrong (${parsed.error.issues.map((i) => i.message).join('; ')}): ${item.doc}`);
    }
    loaded.set(topic.token, values);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return loaded;
}

/** Schema helpers for the forms that environment variables take. */
export const setting = {
  /** Whole number in [min, max]. */
  int: (min: number, max: number) => z.coerce.number().int().min(min).max(max),
  /** `true`/`1`/`yes` or `false`/`0`/`no`. */
  bool: () => z.enum(['true', 'false', '1', '0', 'yes', 'no']).transform((v) => v === 'true' || v === '1' || v === 'yes'),
  /** Comma-separated list. */
  list: () =>
    z.string().transform((v) =>
      v
        .split(',')
        .map((s) => s.trim())
        .filter((s) => s !== ''),
    ),
};
