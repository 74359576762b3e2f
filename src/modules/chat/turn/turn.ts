import type { MessageStatus } from '../../conversations/index.ts';

/** Where a turn stands. The first three are unfinished; see README.md for the transitions. */
export type TurnState = 'waiting' | 'queued' | 'running' | 'completed' | 'stopped' | 'interrupted' | 'failed';

/** How a turn can end. */
export type FinalState = Extract<TurnState, 'completed' | 'stopped' | 'interrupted' | 'failed'>;

/** True when a turn has ended. */
export function isFinal(state: TurnState): state is FinalState {
  return state === 'completed' || state === 'stopped' || state === 'interrupted' || state === 'failed';
}

/** What a reader needs to find a turn. */
export interface TurnRef {
  tenantId: string;
  turnId: string;
  conversationId: string;
  visitorId: string;
}

/** A turn as the database has it. */
export interface TurnRow {
  id: string;
  conversationId: string;
  botId: string;
  visitorId: string;
  userMessageId: string;
  userPosition: number;
  answerMessageId: string;
  answerPosition: number;
  replacedAnswerId: string | null;
  textDigest: Buffer;
  /** Sealed: what an OpenAI-dialect caller sent besides the message. */
  request: Buffer | null;
  state: TurnState;
  attempt: number;
  /** Claims so far: an attempt may also be a new announcer of a turn that waits. */
  runs: number;
  /** Provider calls so far, the one of a claim counted with it. */
  modelCalls: number;
  /** How often it was put back into the queue after a failure that may pass. */
  retries: number;
  /** The model that it needs a place for. */
  route: string;
  /** True when it had to wait for a free place. */
  queued: boolean;
  epoch: number;
  owner: string | null;
  model: string | null;
  inputTokens: number | null;
  outputTokens: number | null;
  usageEstimated: boolean;
  finishReason: string | null;
  errorCode: string | null;
}

/** Status of the stored answer of a turn that ended so. */
export const messageStatusOf: Record<FinalState, MessageStatus> = {
  completed: 'complete',
  stopped: 'stopped',
  interrupted: 'interrupted',
  failed: 'failed',
};
