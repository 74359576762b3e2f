import { isFinal, type TurnRow } from '../turn/turn.ts';
import { type Chunk, closingChunks, openingChunks, type FinishReason, type TurnIds } from './chunks.ts';

/** Characters per text chunk of a replay, so that no frame is huge. */
const replayChunkLength = 8_192;

/** A finished turn with its stored answer, which a turn that failed or was stopped early does not have. */
export interface StoredTurn {
  tenantId: string;
  turn: TurnRow;
  answer: string | undefined;
}

/**
 * The log of a finished turn, rebuilt from Postgres. Its chunks are cut differently from the live log's, so it is another
 * epoch: the one after the turn's last. Building it twice gives the same chunks, so a reader may resume within it.
 */
export function replayChunks(
  { tenantId, turn, answer }: StoredTurn,
  errorText: (code: string) => string,
): { epoch: number; chunks: string[] } {
  if (!isFinal(turn.state)) throw new Error('only a finished turn can be replayed');
  const ids: TurnIds = {
    tenantId,
    turnId: turn.id,
    conversationId: turn.conversationId,
    answerMessageId: turn.answerMessageId,
    epoch: replayEpoch(turn),
  };
  return { epoch: ids.epoch, chunks: chunksOf(ids, turn, answer, errorText).map((chunk) => JSON.stringify(chunk)) };
}

/** Epoch of a finished turn's replay. */
export function replayEpoch(turn: TurnRow): number {
  return turn.epoch + 1;
}

function chunksOf(ids: TurnIds, turn: TurnRow, answer: string | undefined, errorText: (code: string) => string): Chunk[] {
  const opening = openingChunks(ids);
  if (turn.state === 'failed') return [...opening, { type: 'error', errorText: errorText(turn.errorCode ?? 'internal') }];
  const usage =
    turn.inputTokens === null || turn.outputTokens === null
      ? null
      : { input_tokens: turn.inputTokens, output_tokens: turn.outputTokens, estimated: turn.usageEstimated };
  const closing = closingChunks(ids, {
    finishReason: finishReasonOf(turn),
    status: turn.state === 'completed' ? 'complete' : turn.state === 'stopped' ? 'stopped' : 'interrupted',
    model: turn.model,
    usage,
  });
  return answer === undefined ? [...opening, ...closing] : [...opening, ...textChunks(answer), ...closing];
}

function finishReasonOf(turn: TurnRow): FinishReason {
  if (turn.state !== 'completed') return 'interrupted';
  return turn.finishReason === 'length' || turn.finishReason === 'content-filter' ? turn.finishReason : 'stop';
}

function textChunks(answer: string): Chunk[] {
  const chunks: Chunk[] = [{ type: 'text-start', id: 'text' }];
  for (let at = 0; at < answer.length;) {
    let end = Math.min(answer.length, at + replayChunkLength);
    // Never between the halves of a surrogate pair: a lone half does not survive UTF-8.
    if (end < answer.length && (answer.charCodeAt(end - 1) & 0xfc00) === 0xd800) end += 1;
    chunks.push({ type: 'text-delta', id: 'text', delta: answer.slice(at, end) });
    at = end;
  }
  chunks.push({ type: 'text-end', id: 'text' });
  return chunks;
}
