import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';

const rotateBytes = 20 * 1024 * 1024;

/**
 * The last line that says what went wrong: the last that matches, else the last at all. Without time stamp and process number.
 * @param {string} text
 * @param {RegExp} [matching]
 * @returns {string}
 */
export function lastLine(text, matching = /./) {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const line = lines.findLast((candidate) => matching.test(candidate)) ?? lines.at(-1) ?? '';
  return messageOf(line).slice(0, 500);
}

/** The message of a JSON log line; other lines lose the time stamps of Postgres and Redis. @param {string} line */
function messageOf(line) {
  const entry = parseEntry(line);
  if (entry !== undefined) return entry.text;
  return line
    .replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S* \S+ \[\d+\]\s*/, '')
    .replace(/^\d+:[A-Z] \d\d \w{3} \d{4} [\d:.]+ [#*.-]\s*/, '')
    .replace(/^(?:FATAL|PANIC|ERROR): +|^but /, '')
    .trim();
}

/**
 * Level (pino's numbers) and text of a JSON log line, or undefined when the line is none.
 * @param {string} line
 * @returns {{ level: number, text: string } | undefined}
 */
export function parseEntry(line) {
  if (!line.startsWith('{')) return undefined;
  try {
    const { level, msg, err } = JSON.parse(line);
    const reason = typeof err?.message === 'string' && err.message !== msg ? err.message : undefined;
    const text = [msg, reason].filter((part) => typeof part === 'string' && part !== '').join(': ');
    return { level: Number(level), text };
  } catch {
    return undefined;
  }
}

/**
 * Opens a log file for appending; one that has grown large becomes `<file>.1` first.
 * @param {string} file
 * @returns {number} file descriptor
 */
export function openLog(file) {
  try {
    if (statSync(file).size > rotateBytes) renameSync(file, `${file}.1`);
  } catch {
    // There is none yet.
  }
  return openSync(file, 'a', 0o600);
}

/**
 * The end of a file.
 * @param {string} file
 * @param {number} [bytes]
 * @returns {string}
 */
export function tail(file, bytes = 16_384) {
  try {
    return readFrom(file, Math.max(0, statSync(file).size - bytes), bytes);
  } catch {
    return '';
  }
}

/** @param {string} file @param {number} offset @param {number} bytes */
function readFrom(file, offset, bytes) {
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(Math.max(0, Math.min(bytes, fstatSync(descriptor).size - offset)));
    const length = readSync(descriptor, buffer, 0, buffer.length, offset);
    return buffer.subarray(0, length).toString('utf8');
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Shows warnings and errors of a JSON log as they are written, at most five in five seconds. The program writes to the file itself:
 * this costs it nothing, and it does not break when this process dies.
 * @param {string} file
 * @param {(text: string) => void} show
 * @returns {() => void} stops following
 */
export function followWarnings(file, show) {
  let offset = statSync(file).size;
  let rest = '';
  let shown = 0;
  let hidden = 0;
  /** @param {string} text */
  const offer = (text) => (shown++ < 5 ? show(text) : hidden++);
  const look = () => {
    const text = readFrom(file, offset, 1024 * 1024);
    offset += Buffer.byteLength(text);
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const entry = parseEntry(line);
      if (entry !== undefined && entry.level >= 40) offer(entry.text);
    }
  };
  const window = setInterval(() => {
    if (hidden > 0) show(`… and ${hidden} more, see ${file}`);
    shown = 0;
    hidden = 0;
  }, 5_000);
  const timer = setInterval(look, 300);
  window.unref();
  timer.unref();
  return () => {
    clearInterval(timer);
    clearInterval(window);
  };
}
