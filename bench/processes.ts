import type { Serializable } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, dyingWithParent, startChild, stopChild } from '../scripts/local/processes.mjs';

/** Root folder of the checkout. */
export const root = join(fileURLToPath(import.meta.url), '..', '..');

/** A Node process of ours that answers questions over its IPC channel. */
export interface Asked {
  pid: number;
  /** Rejects when the process ends, reports an error, or says nothing for `limitMs` (30,000) milliseconds. */
  ask: <T>(question: Serializable, limitMs?: number) => Promise<T>;
  /** What it says unasked: messages without an id. */
  onNews: (listener: (news: unknown) => void) => void;
  stop: (graceMs?: number) => Promise<void>;
}

/** How to start one. */
export interface AskedOptions {
  /** Node's own flags, the script, its arguments. */
  command: string[];
  env: NodeJS.ProcessEnv;
  /** Gets its output. */
  logFile: string;
}

/** Everything that a run has started, so that all of it can be ended, in the reverse order, and nothing else. */
export class Processes {
  private readonly stops: (() => Promise<void>)[] = [];
  private stopping: Promise<void> | undefined;

  /** Remembers how to end something. Ends it at once when the run is being ended. */
  keep(stop: () => Promise<void>): void {
    if (this.stopping === undefined) this.stops.push(stop);
    else void stop();
  }

  /** Starts a Node process with an IPC channel. It ends with this one, however this one ends. */
  start({ command, env, logFile }: AskedOptions): Asked {
    const log = openSync(logFile, 'a', 0o600);
    const child = startChild(dyingWithParent('SIGKILL', [process.execPath, ...command]), {
      cwd: root,
      env,
      stdio: ['ignore', log, log, 'ipc'],
      serialization: 'advanced',
    });
    closeSync(log);
    const stop = (graceMs = 3_000) => stopChild(child, 'SIGTERM', graceMs);
    this.keep(() => stop());
    return { pid: child.pid, stop, ...conversation(child, logFile) };
  }

  /** Ends all that was started. */
  stopAll(): Promise<void> {
    this.stopping ??= this.stopInOrder();
    return this.stopping;
  }

  private async stopInOrder(): Promise<void> {
    for (const stop of this.stops.toReversed()) await stop().catch(() => undefined);
  }
}

function conversation(child: Child, logFile: string): Pick<Asked, 'ask' | 'onNews'> {
  interface Waiting {
    resolve: (value: never) => void;
    reject: (error: Error) => void;
  }
  const waiting = new Map<number, Waiting>();
  const listeners: ((news: unknown) => void)[] = [];
  let last = 0;
  child.on('message', (message: { id?: number; value?: unknown; error?: string }) => {
    if (message.id === undefined) {
      for (const listener of listeners) listener(message);
      return;
    }
    const question = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error === undefined) question?.resolve(message.value as never);
    else question?.reject(new Error(message.error));
  });
  void child.exit.then(() => {
    for (const { reject } of waiting.values()) reject(new Error(`a process has ended by itself; its log is ${logFile}`));
    waiting.clear();
  });
  const ask = <T>(question: Serializable, limitMs = 30_000): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (child.ended !== undefined) return reject(new Error(`a process has ended by itself; its log is ${logFile}`));
      const id = (last += 1);
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(new Error(`a process did not answer within ${limitMs} ms; its log is ${logFile}`));
      }, limitMs);
      waiting.set(id, {
        resolve: (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      child.send({ id, question }, (error) => error && waiting.get(id)?.reject(error));
    });
  return { ask, onNews: (listener) => void listeners.push(listener) };
}
