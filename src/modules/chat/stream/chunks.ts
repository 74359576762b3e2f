import { publicId } from '../../../kernel/ids.ts';

/**
 * The vocabulary of the log: the AI SDK's UI message chunks (npm `ai` 7, src/ui-message-stream/ui-message-chunks.ts), each
 * encoded once as JSON for all its readers.
 */
export type Chunk =
  | { type: 'start'; messageId: string; messageMetadata: StartMetadata }
  | { type: 'start-step' }
  | { type: 'reset-step' }
  | { type: 'text-start'; id: string }
  | { type: 'text-delta'; id: string; delta: string }
  | { type: 'text-end'; id: string }
  | { type: 'finish-step' }
  | { type: 'finish'; finishReason: FinishReason; messageMetadata: FinishMetadata }
  | { type: 'error'; errorText: string }
  | { type: 'data-queue'; data: QueueData; transient: true };

/** Where a waiting turn stands. */
export interface QueueData {
  /** 1 is next. */
  position: number;
  /** Seconds until it is likely to begin, in tenths, by the measured service times; absent while nothing was measured. */
  estimated_wait_seconds?: number;
  /** How often it was tried before; absent for the first time. */
  retries?: number;
}

/** Why an answer ended. Only `stop` says that the model was done; `interrupted` is an answer that was cut or stopped. */
export type FinishReason = 'stop' | 'length' | 'content-filter' | 'interrupted';

/** What a client needs to resume. */
export interface StartMetadata {
  conversation_id: string;
  turn_id: string;
  epoch: number;
}

/** What the end of an answer tells. */
export interface FinishMetadata extends StartMetadata {
  status: 'complete' | 'stopped' | 'interrupted';
  model: string | null;
  usage: { input_tokens: number; output_tokens: number; estimated: boolean } | null;
}

/** Ids of a turn, as the database has them. */
export interface TurnIds {
  tenantId: string;
  turnId: string;
  conversationId: string;
  answerMessageId: string;
  epoch: number;
}

/** Metadata of the `start` chunk. */
export function startMetadata(ids: TurnIds): StartMetadata {
  return { conversation_id: publicId('conversation', ids.conversationId), turn_id: publicId('turn', ids.turnId), epoch: ids.epoch };
}

/** The chunks that begin an answer. */
export function openingChunks(ids: TurnIds): Chunk[] {
  return [
    { type: 'start', messageId: publicId('message', ids.answerMessageId), messageMetadata: startMetadata(ids) },
    { type: 'start-step' },
  ];
}

/** How an answer ended, for its last chunks. */
export interface Ending {
  finishReason: FinishReason;
  status: FinishMetadata['status'];
  model: string | null;
  usage: FinishMetadata['usage'];
}

/** The chunks that end an answer. */
export function closingChunks(ids: TurnIds, ending: Ending): Chunk[] {
  return [
    { type: 'finish-step' },
    {
      type: 'finish',
      finishReason: ending.finishReason,
      messageMetadata: { ...startMetadata(ids), status: ending.status, model: ending.model, usage: ending.usage },
    },
  ];
}
