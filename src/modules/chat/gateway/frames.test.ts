import { once } from 'node:events';
import type { Writable } from 'node:stream';
import * as ws from 'ws';
import { expect, it } from 'vitest';
import { textFrame } from './frames.ts';

/** The reading half of `ws`, which its types leave out. */
const { Receiver } = ws as unknown as { Receiver: new () => Writable };

it.each([1, 125, 126, 127, 65_535, 65_536, 200_000])('a text frame of %i bytes is read as it was written', async (length) => {
  const text = `${'x'.repeat(length - (length > 4 ? 4 : 0))}${length > 4 ? '😀' : ''}`;
  const receiver = new Receiver();
  const read = once(receiver, 'message');
  const frame = textFrame(text);
  receiver.write(Buffer.concat([frame, textFrame('next')]));
  const [data, isBinary] = (await read) as [Buffer, boolean];
  expect(isBinary).toBe(false);
  expect(data.toString()).toBe(text);
});
