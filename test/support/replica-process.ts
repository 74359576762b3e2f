import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../../scripts/local/paths.mjs';
import { freePort } from '../../scripts/local/ports.mjs';
import { startNodeChild, stopChild, waitUntil } from '../../scripts/local/processes.mjs';

const startLimitMs = 30_000;

/** A replica in a process of its own, built from the sources: one that can be frozen and killed. */
export interface ReplicaProcess {
  url: string;
  pid: number;
  /** Sends a signal: SIGSTOP freezes it, SIGCONT lets it go on, SIGKILL ends it without a goodbye. */
  signal: (signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL') => void;
  /** One of its metrics. */
  metric: (name: string) => Promise<number>;
  /** Ends it, frozen or not. */
  stop: () => Promise<void>;
}

/** Starts a replica of a test's stack; resolves when it is ready. The server must have been built. */
export async function startReplicaProcess(env: Record<string, string>): Promise<ReplicaProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const script = join(root, 'dist', 'src', 'apps', 'server.main.js');
  const { PATH } = process.env;
  const child = startNodeChild([script], {
    cwd: root,
    env: { ...(PATH === undefined ? {} : { PATH }), ...env, HOST: '127.0.0.1', PORT: String(port) },
    stdout: 'pipe',
    stderr: 'pipe',
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-4_096);
    });
  }
  const ready = await waitUntil(() => child.ended !== undefined || answers(`${url}/readyz`), { everyMs: 50, limitMs: startLimitMs });
  if (ready !== true || child.ended !== undefined) {
    await stopChild(child, 'SIGKILL', 0);
    throw new Error(`the replica did not start: ${said}`);
  }
  return {
    url,
    pid: child.pid,
    signal: (signal) => void child.kill(signal),
    metric: async (name) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
    },
    // A process that is frozen does not hear SIGTERM.
    stop: () => stopChild(child, 'SIGKILL', 0),
  };
}

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
  await response?.arrayBuffer().catch(() => sleep(0));
  return response?.status === 200;
}
