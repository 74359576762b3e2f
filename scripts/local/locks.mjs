import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { isAlive, statOf } from './processes.mjs';

/** @typedef {{ pid: number, startTime: string }} Holder */

/** @param {string} file @returns {string | undefined} */
function textOf(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** A holder counts while its process lives; the start time tells it from a later process with the same pid. @param {string} text */
function liveHolder(text) {
  try {
    /** @type {Holder} */
    const holder = JSON.parse(text);
    if (!isAlive(holder.pid)) return undefined;
    return (statOf(holder.pid)?.startTime ?? '') === holder.startTime ? holder : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Takes a lock file for this process. Gives `release`, or the pid of the live process that holds it. Dead holders are cleared away.
 * @param {string} file
 * @returns {{ release: () => void } | { heldBy: number }}
 */
export function tryLock(file) {
  mkdirSync(dirname(file), { recursive: true });
  const mine = `${file}.${randomUUID()}`;
  writeFileSync(mine, JSON.stringify({ pid: process.pid, startTime: statOf(process.pid)?.startTime ?? '' }), { mode: 0o600 });
  try {
    for (;;) {
      try {
        linkSync(mine, file);
        return { release: () => rmSync(file, { force: true }) };
      } catch (error) {
        if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
      }
      const seen = textOf(file);
      if (seen === undefined) continue;
      const holder = liveHolder(seen);
      if (holder !== undefined) return { heldBy: holder.pid };
      clearStale(file, seen);
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Moves a dead lock away; puts it back if another process was faster and the file is a live one by now. @param {string} file @param {string} seen */
function clearStale(file, seen) {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  if (textOf(aside) !== seen) {
    try {
      linkSync(aside, file);
    } catch {
      // A third process holds it already.
    }
  }
  rmSync(aside, { force: true });
}

/**
 * Runs `work` alone: waits while another live process holds the lock.
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @param {(pid: number) => void} [onWait] called once when there is somebody to wait for
 * @returns {Promise<T>}
 */
export async function withLock(file, work, onWait) {
  let told = false;
  for (;;) {
    const lock = tryLock(file);
    if ('release' in lock) {
      try {
        return await work();
      } finally {
        lock.release();
      }
    }
    if (!told) onWait?.(lock.heldBy);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
