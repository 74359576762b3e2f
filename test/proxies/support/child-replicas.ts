import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '../../../scripts/local/app.mjs';
import { freePort } from '../../../scripts/local/ports.mjs';
import type { TestStack } from '../../support/stack.ts';

/** A replica that is a process of its own, from the build. */
export interface ChildReplica {
  host: string;
  port: number;
  /** SIGTERM; resolves with its exit code when it has drained and ended. */
  drained: () => Promise<number | null>;
  /** Starts it again on its port. */
  start: () => Promise<void>;
  stop: () => Promise<void>;
}

/** A folder for a test's files, and how to remove it. */
export async function scratchFolder(): Promise<{ dir: string; remove: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'parley-proxy-'));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

/** Starts replicas of the build on a stack's databases. */
export function childReplicas(stack: TestStack, count: number, dir: string, env: Record<string, string>): Promise<ChildReplica[]> {
  return Promise.all(Array.from({ length: count }, (_, at) => childReplica(stack, join(dir, `replica-${at}.log`), env)));
}

async function childReplica(stack: TestStack, logFile: string, more: Record<string, string>): Promise<ChildReplica> {
  const port = await freePort();
  const env = { ...process.env, ...stack.env, LOG_LEVEL: 'info', PORT: String(port), ...more };
  const begin = () => startServer({ env, logFile, readyUrl: `http://127.0.0.1:${port}/readyz` });
  let service = await begin();
  return {
    host: '127.0.0.1',
    port,
    drained: async () => {
      process.kill(service.pid, 'SIGTERM');
      return (await service.exit).code;
    },
    start: async () => {
      service = await begin();
    },
    stop: () => service.stop(),
  };
}
