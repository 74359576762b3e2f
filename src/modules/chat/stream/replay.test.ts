import { expect, it } from 'vitest';
import type { TurnRow } from '../turn/turn.ts';
import type { Chunk } from './chunks.ts';
import { replayChunks } from './replay.ts';

const uuid = '01890000-0000-7000-8000-000000000001';
const turn = {
  id: uuid,
  conversationId: uuid,
  answerMessageId: uuid,
  epoch: 3,
  state: 'completed',
  model: 'demo',
  inputTokens: 5,
  outputTokens: 6,
  usageEstimated: false,
  finishReason: 'stop',
  errorCode: null,
} as TurnRow;

function replay(over: Partial<TurnRow>, answer: string | undefined): Chunk[] {
  const { chunks } = replayChunks({ tenantId: uuid, turn: { ...turn, ...over }, answer }, (code) => `problem ${code}`);
  return chunks.map((chunk) => JSON.parse(chunk) as Chunk);
}

it('is another epoch than the live log, and the same each time', () => {
  const stored = { tenantId: uuid, turn, answer: 'text' };
  expect(replayChunks(stored, String).epoch).toBe(4);
  expect(replayChunks(stored, String)).toEqual(replayChunks(stored, String));
});

it('gives the whole answer in pieces that never split a character', () => {
  const answer = '🙂'.repeat(20_000);
  const deltas = replay({}, answer).flatMap((chunk) => (chunk.type === 'text-delta' ? [chunk.delta] : []));
  expect(deltas.length).toBeGreaterThan(2);
  expect(deltas.join('')).toBe(answer);
  for (const delta of deltas) expect(Buffer.from(delta).toString()).toBe(delta);
});

it.each([
  ['completed', 'stop', 'stop'],
  ['completed', 'length', 'length'],
  ['stopped', 'interrupted', 'interrupted'],
  ['interrupted', 'interrupted', 'interrupted'],
] as const)('P8: a turn that %s with %s finishes with %s', (state, finishReason, shown) => {
  expect(replay({ state, finishReason }, 'partial').at(-1)).toMatchObject({ type: 'finish', finishReason: shown });
});

it('P8: a stopped turn without a stored reason does not look complete', () => {
  expect(replay({ state: 'stopped', finishReason: null }, undefined).at(-1)).toMatchObject({ type: 'finish', finishReason: 'interrupted' });
});

it('P8: a failed turn ends with its error', () => {
  expect(replay({ state: 'failed', errorCode: 'model_timeout' }, undefined).at(-1)).toEqual({
    type: 'error',
    errorText: 'problem model_timeout',
  });
});

it('refuses a turn that still runs', () => {
  expect(() => replay({ state: 'running' }, undefined)).toThrow('finished');
});
