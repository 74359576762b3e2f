import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { onPath } from './paths.mjs';

/** @typedef {{ code: number | null, signal: NodeJS.Signals | null }} Exit */
/** @typedef {import('node:child_process').ChildProcess & { pid: number, exit: Promise<Exit>, ended: Exit | undefined }} Child */

/** @type {string | undefined} */
let setpriv;

/** Path of a `setpriv` that knows `--pdeathsig` (util-linux, Linux only), or '' where there is none. */
function deathSignalTool() {
  if (setpriv === undefined) {
    const found = process.platform === 'linux' ? onPath('setpriv') : undefined;
    setpriv = found !== undefined && spawnSync(found, ['--pdeathsig', 'INT', '--', 'true']).status === 0 ? found : '';
  }
  return setpriv;
}

/**
 * Wraps a command so that the kernel sends it `signal` when this process dies, however it dies. The wrapper execs: the pid stays.
 * It must stand next to the program: a change of user or user namespace would clear the wish.
 * @param {NodeJS.Signals} signal
 * @param {string[]} command
 * @returns {string[]}
 */
export function dyingWithParent(signal, command) {
  const tool = deathSignalTool();
  return tool === '' ? command : [tool, '--pdeathsig', signal.slice(3), '--', ...command];
}

/**
 * Starts a long-lived child in a process group of its own, so that Ctrl-C reaches only the launcher, which ends the children in order.
 * @param {string[]} command
 * @param {import('node:child_process').SpawnOptions} options
 * @returns {Child}
 */
export function startChild(command, options) {
  const [program = '', ...args] = command;
  const child = /** @type {Child} */ (spawn(program, args, { detached: true, ...options }));
  child.exit = new Promise((resolve) => {
    /** @param {Exit} exit */
    const end = (exit) => {
      child.ended ??= exit;
      resolve(child.ended);
    };
    child.once('exit', (code, signal) => end({ code, signal }));
    child.once('error', () => end({ code: 127, signal: null }));
  });
  return child;
}

/**
 * Starts a Node program of ours. It dies with the launcher (kernel signal where there is one, and its standard input closes).
 * @param {string[]} script its path and arguments
 * @param {{ env: NodeJS.ProcessEnv, stdout: 'pipe' | number, stderr: 'pipe' | number, cwd: string }} options
 */
export function startNodeChild(script, { env, stdout, stderr, cwd }) {
  const command = dyingWithParent('SIGKILL', [process.execPath, '--enable-source-maps', ...script]);
  return startChild(command, { cwd, env: { ...env, PARLEY_EXIT_WITH_STDIN: '1' }, stdio: ['pipe', stdout, stderr] });
}

/**
 * Sends `signal`, and after `graceMs` milliseconds SIGKILL. Resolves when the child has ended.
 * @param {Child} child
 * @param {NodeJS.Signals} signal
 * @param {number} graceMs
 */
export async function stopChild(child, signal, graceMs) {
  if (child.ended !== undefined || child.pid === undefined) return;
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await child.exit;
  clearTimeout(timer);
}

/**
 * Runs a command to its end and gives its output (both streams together, and standard output alone).
 * @param {string[]} command
 * @param {import('node:child_process').SpawnOptions & { input?: string }} [options]
 * @returns {Promise<{ code: number, output: string, stdout: string }>}
 */
export function run(command, { input, ...options } = {}) {
  return new Promise((resolve) => {
    const [program = '', ...args] = dyingWithParent('SIGTERM', command);
    const child = spawn(program, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    let stdout = '';
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      output += text;
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => (output += text));
    child.once('error', (error) => resolve({ code: 127, output: `${output}${error.message}`, stdout }));
    child.once('close', (code) => resolve({ code: code ?? 1, output, stdout }));
  });
}

/**
 * Whether a process exists (a zombie does not count).
 * @param {number} pid
 */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
  return statOf(pid)?.state !== 'Z';
}

/**
 * State, parent and start time (clock ticks since boot) of a process; undefined where /proc does not say.
 * @param {number} pid
 * @returns {{ state: string, parent: number, startTime: string } | undefined}
 */
export function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', parent: Number(fields[1]), startTime: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

/**
 * Waits until `check` gives something truthy, trying every `everyMs`, and gives it; undefined after `limitMs`.
 * @template T
 * @param {() => T | Promise<T>} check
 * @param {{ everyMs?: number, limitMs: number }} options
 * @returns {Promise<T | undefined>}
 */
export async function waitUntil(check, { everyMs = 20, limitMs }) {
  const end = performance.now() + limitMs;
  for (;;) {
    const result = await check();
    if (result) return result;
    if (performance.now() > end) return undefined;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/**
 * Calls `onGone` once the npm that started this script is gone: npm may leave its script behind when it is killed.
 * A script that a shell or a service manager started may outlive it, as usual.
 * @param {() => void} onGone
 */
export function watchNpm(onGone) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const grandparent = statOf(parent)?.parent;
  const viaShell = /^(?:\/bin\/|\/usr\/bin\/)?(?:sh|dash|bash)\0-c\0/.test(commandLine(parent));
  const timer = setInterval(() => {
    if (process.ppid === parent && (!viaShell || statOf(parent)?.parent === grandparent)) return;
    clearInterval(timer);
    onGone();
  }, 500);
  timer.unref();
}

/** @param {number} pid */
function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
