import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../dist/src/apps/cli/cli.main.js', import.meta.url));

/** What became of a command. */
export interface CommandEnd {
  /** Exit status; null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `parley` with these arguments under these settings, which are all it gets, and with `input` on its standard input. */
export async function runParley(env: NodeJS.ProcessEnv, args: string[], input = ''): Promise<CommandEnd> {
  const child = spawn(process.execPath, [program, ...args], { env: { PATH: process.env['PATH'], ...env } });
  // One that ends without having read its input says so by its exit status.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}
