/**
 * Runs a Postgres whose disk can be filled. Started in a user namespace of its own, where a small tmpfs needs no rights:
 * `unshare --user --map-root-user --mount node postgres-on-small-disk.mjs <folder>`. Says its URL in one line of JSON, and does what it
 * is told on standard input, one word a line: `fill` the disk, `free` it. Ends with its input.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startPostgres } from '../../../scripts/local/postgres.mjs';

const disk = process.argv[2] ?? '';
const ballast = join(disk, 'ballast');
mkdirSync(disk, { recursive: true });
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=160m,mode=755', 'tmpfs', disk]);
const postgres = await startPostgres({ dir: join(disk, 'postgres'), fsync: true, sharedBuffers: '16MB' });
say({ url: postgres.url });

/** @param {object} what */
function say(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

function fill() {
  const file = openSync(ballast, 'a');
  try {
    for (let size = 1 << 20; size >= 512;) {
      try {
        writeSync(file, Buffer.alloc(size));
      } catch {
        size /= 2;
      }
    }
  } finally {
    closeSync(file);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'fill') fill();
  if (line === 'free') rmSync(ballast, { force: true });
  say({ done: line });
}
await postgres.stop();
