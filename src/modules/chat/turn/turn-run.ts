import type { PublishedBot } from '../../bots/index.ts';
import type { HistoryMessage } from '../../conversations/index.ts';
import type { ModelMessage, ModelUsage, Skill } from '../../models/index.ts';
import type { AppError } from '../../../kernel/app-error.ts';
import type { ContentKey } from '../../../platform/crypto/index.ts';
import type { TurnIds } from '../stream/chunks.ts';
import type { LogProducer } from '../stream/log-producer.ts';
import type { TurnLog } from '../stream/turn-log.ts';
import type { Reservation } from '../../plans/index.ts';
import type { AnswerMasking, PromptMarks, Pseudonyms } from '../../privacy/index.ts';
import type { AnswerWriter } from './steps/answer-writer.ts';
import type { ProviderCalls } from './steps/provider-calls.ts';
import type { TurnRow } from './turn.ts';
import type { TurnResult } from './turn-lifecycle.ts';

/** Why a run was cut from outside. */
export type CutReason = 'stop' | 'lost' | 'drain';

/** The prompt of a turn and what bounds its answer. */
export interface Prompt {
  model: string;
  messages: ModelMessage[];
  /** Our own count of the prompt, in tokens. */
  inputTokens: number;
  maxOutputTokens: number;
  temperature?: number;
  topP?: number;
  /** What the bot needs besides text. */
  needs: readonly Skill[];
}

/** What the model gave. */
export interface Answer {
  text: string;
  finishReason: 'stop' | 'length' | 'content-filter' | 'interrupted';
  usage: (ModelUsage & { estimated: boolean }) | null;
  /** Set when the answer did not come to its end. */
  problem?: AppError;
  /** Set with a problem that may be over a little later, when readers have been shown nothing: the turn can be tried again. */
  transient?: boolean;
  /** It was tried as often as it may be, and an operator has to look at it. */
  givenUp?: boolean;
}

/** One attempt at a turn, as the steps hand it on: each fills in what the next ones need. */
export interface TurnRun {
  readonly tenantId: string;
  readonly turn: TurnRow;
  readonly ids: TurnIds;
  readonly key: ContentKey;
  readonly abort: AbortController;
  /** Milliseconds since the epoch. */
  readonly deadlineAt: number;
  readonly startedAt: number;
  cutReason?: CutReason;
  bot?: PublishedBot;
  log?: TurnLog;
  producer?: LogProducer;
  writer?: AnswerWriter;
  /** Messages for the prompt, newest first, where the commit has read them. */
  history?: HistoryMessage[];
  prompt?: Prompt;
  /** What stands for what in the prompt, and in what the model says. */
  pseudonyms?: Pseudonyms;
  /** What hides personal data that the model says by itself. */
  masking?: AnswerMasking;
  /** What tells the sources of the prompt apart. */
  marks?: PromptMarks;
  /** What was reserved for the turn's first call, while that has not begun. */
  reserved?: Reservation;
  answer?: Answer;
  /** The provider calls of this attempt, to be settled with its end. */
  calls?: ProviderCalls;
  result?: TurnResult;
  /** The turn went back into the queue instead of ending. */
  putBack?: boolean;
  /** The next turn of the conversation got its place in the queue. */
  promoted?: boolean;
}

/** The ids of a turn, as its log carries them. */
export function turnIds(tenantId: string, turn: TurnRow): TurnIds {
  return { tenantId, turnId: turn.id, conversationId: turn.conversationId, answerMessageId: turn.answerMessageId, epoch: turn.epoch };
}

/** This attempt no longer owns the turn: leave everything as it is. */
export class TurnLost extends Error {
  override name = 'TurnLost';
}
