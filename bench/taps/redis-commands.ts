import type { Listener } from './tap.ts';

/** Reads the commands that a client sends to Redis (RESP arrays of bulk strings); gives each one's words, the first in capitals. */
export function redisCommands(onCommand: (words: string[]) => void): Listener {
  let rest: Buffer = Buffer.alloc(0);
  return {
    sent: (bytes) => {
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      for (let read = readCommand(rest); read !== undefined; read = readCommand(rest)) {
        rest = rest.subarray(read.length);
        const [name = '', ...words] = read.words;
        onCommand([name.toUpperCase(), ...words]);
      }
    },
  };
}

/** The command that `bytes` begin with, and its length; undefined while some of it is missing. Throws for what is no command. */
function readCommand(bytes: Buffer): { words: string[]; length: number } | undefined {
  let at = 0;
  const number = (mark: string): number | undefined => {
    const end = bytes.indexOf('\r\n', at);
    if (end === -1) return undefined;
    const text = bytes.toString('latin1', at, end);
    if (!text.startsWith(mark)) throw new Error(`a Redis client sent what is no command: ${JSON.stringify(text.slice(0, 20))}`);
    at = end + 2;
    return Number(text.slice(1));
  };
  const count = number('*');
  if (count === undefined) return undefined;
  const words: string[] = [];
  while (words.length < count) {
    const length = number('$');
    if (length === undefined || at + length + 2 > bytes.length) return undefined;
    words.push(bytes.toString('latin1', at, at + length));
    at += length + 2;
  }
  return { words, length: at };
}
