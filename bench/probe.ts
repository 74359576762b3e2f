/*
 * Loaded into the measured processes before their own code (`node --import`): answers questions of the harness over the IPC
 * channel, the same in the server and in the bare relay. It costs nothing between questions.
 */
import { Session } from 'node:inspector/promises';
import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import { writeFile } from 'node:fs/promises';

/** What the harness may ask. */
export type Question =
  | { ask: 'collect' }
  | { ask: 'memory' }
  | { ask: 'loop' }
  | { ask: 'profile-start'; intervalUs: number }
  | { ask: 'profile-stop'; file: string };

/** Memory of a process in bytes. */
export interface Memory {
  rss: number;
  heapUsed: number;
  external: number;
}

let session: Session | undefined;
let before: EventLoopUtilization = performance.eventLoopUtilization();

async function answer(question: Question): Promise<unknown> {
  switch (question.ask) {
    case 'collect':
      for (let times = 0; times < 3; times += 1) {
        (globalThis as { gc?: () => void }).gc?.();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return null;
    case 'memory': {
      const { rss, heapUsed, external } = process.memoryUsage();
      return { rss, heapUsed, external } satisfies Memory;
    }
    case 'loop': {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      return utilization;
    }
    case 'profile-start':
      session = new Session();
      session.connect();
      await session.post('Profiler.enable');
      await session.post('Profiler.setSamplingInterval', { interval: question.intervalUs });
      await session.post('Profiler.start');
      return null;
    case 'profile-stop': {
      const stopped = await session?.post('Profiler.stop');
      await writeFile(question.file, JSON.stringify(stopped?.profile));
      session?.disconnect();
      return null;
    }
  }
}

if (process.send !== undefined) {
  process.on('message', (message: { id: number; question: Question }) => {
    answer(message.question).then(
      (value) => process.send?.({ id: message.id, value }),
      (error: unknown) => process.send?.({ id: message.id, error: String(error) }),
    );
  });
  // The harness is gone, however it went.
  process.on('disconnect', () => process.exit(1));
  process.channel?.unref();
}
