import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ChainableCommander, Redis } from 'ioredis';

/** A Lua file as one atomic command, sent by its hash and loaded again when Redis has forgotten it. */
export class RedisScript {
  readonly sha: string;
  private readonly source: string;

  /** `file` is the URL of a `.lua` file with a header that names its keys, arguments and result. */
  constructor(file: URL) {
    this.source = readFileSync(file, 'utf8');
    this.sha = createHash('sha1').update(this.source).digest('hex');
  }

  /** Runs the script. */
  async run(redis: Redis, keys: string[], args: (string | number | Buffer)[]): Promise<unknown> {
    try {
      return await redis.evalsha(this.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isNoScript(error)) throw error;
      return redis.eval(this.source, keys.length, ...keys, ...args);
    }
  }

  /** Adds the script to a pipeline. When the answer is `isNoScript`, call `load` and send the pipeline again. */
  queue(pipeline: ChainableCommander, keys: string[], args: (string | number | Buffer)[]): void {
    pipeline.evalsha(this.sha, keys.length, ...keys, ...args);
  }

  /** Loads the script into Redis. */
  async load(redis: Redis): Promise<void> {
    await redis.script('LOAD', this.source);
  }
}

/** True when Redis does not know a script (it was restarted or flushed). */
export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
