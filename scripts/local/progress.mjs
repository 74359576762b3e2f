const tty = process.stdout.isTTY === true && process.env.TERM !== 'dumb';
const colour = tty && process.env.NO_COLOR === undefined;

/** @type {Set<string>} */
const running = new Set();

/** @param {string} code @param {string} text */
const paint = (code, text) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);

/** @param {number} ms */
const duration = (ms) => (ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

function drawStatus() {
  if (!tty) return;
  const text = running.size === 0 ? '' : `  … ${[...running].join(', ')}`.slice(0, (process.stdout.columns ?? 80) - 1);
  process.stdout.write(`\r\u001b[K${paint('2', text)}`);
}

/**
 * Prints a line above the line that says what is going on.
 * @param {string} line
 */
export function say(line) {
  process.stdout.write(tty ? `\r\u001b[K${line}\n` : `${line}\n`);
  if (running.size > 0) drawStatus();
}

/**
 * Prints a warning.
 * @param {string} line
 */
export function warn(line) {
  say(`${paint('33', '!')} ${line}`);
}

/**
 * Prints what failed, on standard error.
 * @param {string} text
 */
export function fail(text) {
  running.clear();
  if (tty) process.stdout.write('\r\u001b[K');
  process.stderr.write(`${paint('31', '✗')} ${text}\n`);
}

/**
 * Runs a step and prints `✓ name 12 ms` when it is done. The work may return a note that is shown behind the name.
 * @template T
 * @param {string} name
 * @param {(note: (text: string) => void) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(name, work) {
  const begin = performance.now();
  let note = '';
  running.add(name);
  drawStatus();
  try {
    const result = await work((text) => (note = ` (${text})`));
    running.delete(name);
    say(`${paint('32', '✓')} ${name}${note} ${paint('2', duration(performance.now() - begin))}`);
    return result;
  } finally {
    running.delete(name);
    drawStatus();
  }
}
