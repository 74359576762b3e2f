import { type Chunk, openingChunks, type TurnIds } from '../../stream/chunks.ts';

/** What an attempt finds, and how it goes on from there. */
export interface LogSoFar {
  /** What has to be added before the answer. */
  opening: Chunk[];
  /** Text that readers have been shown and that still holds. */
  prefix: string;
  /** The text part that is open and can take more; undefined when the next text begins a part of its own. */
  partId: string | undefined;
}

/**
 * Reads where a log stands, from its chunks as JSON, oldest first. Nothing in it: an attempt begins it. A `start` alone was
 * written while the turn waited: the step is still to come. Otherwise the step is open, with or without text.
 */
export function logSoFar(ids: TurnIds, chunks: readonly string[]): LogSoFar {
  let started = false;
  let stepOpen = false;
  let prefix = '';
  let partId: string | undefined;
  for (const json of chunks) {
    const chunk = JSON.parse(json) as Chunk;
    if (chunk.type === 'start') started = true;
    else if (chunk.type === 'start-step') stepOpen = true;
    else if (chunk.type === 'text-start') partId = chunk.id;
    else if (chunk.type === 'text-delta') prefix += chunk.delta;
    else if (chunk.type === 'text-end') partId = undefined;
    else if (chunk.type === 'reset-step') {
      prefix = '';
      partId = undefined;
    }
  }
  const [start, startStep] = openingChunks(ids) as [Chunk, Chunk];
  const opening = stepOpen ? [] : started ? [startStep] : [start, startStep];
  return { opening, prefix, partId };
}
