import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';
import type { TurnRow, TurnState } from './turn.ts';

/** The columns of a turn, as `TurnRow` names them. */
export const turnColumns = `id, conversation_id AS "conversationId", bot_id AS "botId", visitor_id AS "visitorId",
  user_message_id AS "userMessageId", user_position AS "userPosition", answer_message_id AS "answerMessageId",
  answer_position AS "answerPosition", replaced_answer_id AS "replacedAnswerId", text_digest AS "textDigest", request, state,
  attempt, runs, retries, model_calls AS "modelCalls", route,
  queued_at IS NOT NULL AS queued, epoch, owner, model, input_tokens AS "inputTokens", output_tokens AS "outputTokens",
  usage_estimated AS "usageEstimated", finish_reason AS "finishReason", error_code AS "errorCode"`;

/** A turn that is about to be committed. */
export interface NewTurn extends Pick<
  TurnRow,
  | 'id'
  | 'conversationId'
  | 'botId'
  | 'visitorId'
  | 'userMessageId'
  | 'userPosition'
  | 'answerMessageId'
  | 'answerPosition'
  | 'replacedAnswerId'
  | 'textDigest'
  | 'request'
  | 'owner'
  | 'route'
> {
  clientKey: Buffer;
  turnKey: Buffer;
  /** `running` claims it in the same statement: attempt 1 of `owner`. */
  state: Extract<TurnState, 'waiting' | 'queued' | 'running'>;
  deadlineMs: number;
  /** Where it stands, or will stand when its turn in the conversation comes. */
  tier: number;
  virtualStart: number;
}

/** What every new turn has. */
const newTurn = {
  retries: 0,
  epoch: 1,
  model: null,
  inputTokens: null,
  outputTokens: null,
  usageEstimated: false,
  finishReason: null,
  errorCode: null,
};

/** Writes a new turn, and gives it as it is stored: nothing of it has to be read back. */
export async function insertTurn(tx: Transaction, tenantId: string, turn: NewTurn): Promise<TurnRow> {
  const running = turn.state === 'running';
  const claims = running ? 1 : 0;
  await changed(
    tx,
    `INSERT INTO turns (tenant_id, id, conversation_id, bot_id, visitor_id, user_message_id, user_position, answer_message_id,
       answer_position, replaced_answer_id, client_key, text_digest, turn_key, request, state, owner, attempt, runs, model_calls,
       started_at, deadline_at, route, tier, virtual_start, queued_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $17,
       CASE WHEN $18 THEN now() END, CASE WHEN $18 THEN now() + $19 * interval '1 millisecond' END,
       $20, $21, $22, CASE WHEN $15 = 'queued' THEN now() END)`,
    [
      tenantId,
      turn.id,
      turn.conversationId,
      turn.botId,
      turn.visitorId,
      turn.userMessageId,
      turn.userPosition,
      turn.answerMessageId,
      turn.answerPosition,
      turn.replacedAnswerId,
      turn.clientKey,
      turn.textDigest,
      turn.turnKey,
      turn.request,
      turn.state,
      turn.owner,
      claims,
      running,
      turn.deadlineMs,
      turn.route,
      turn.tier,
      turn.virtualStart,
    ],
  );
  const { clientKey: _key, turnKey: _turn, deadlineMs: _deadline, tier: _tier, virtualStart: _start, ...stored } = turn;
  return { ...newTurn, ...stored, attempt: claims, runs: claims, modelCalls: claims, queued: turn.state === 'queued' };
}

/** A client message: by the keyed hash of the client's id, or by our own id where the client knows the message from us. */
export interface ClientMessage {
  clientKey: Buffer;
  messageId: string | undefined;
}

/** A conversation by its id, or by the client's own id for it. */
export type TurnsOf = { id: string } | { visitorId: string; botId: string; clientKey: Buffer };

/**
 * The conversation's unfinished turns and all turns of one client message, oldest first. The conversation must be locked by a
 * statement that was sent before.
 */
export function relatedTurns(tx: Transaction, tenantId: string, conversation: TurnsOf, message: ClientMessage) {
  const messageId = message.messageId ?? null;
  return 'id' in conversation
    ? rows<RelatedTurn>(tx, relatedByIdSql, [tenantId, conversation.id, message.clientKey, messageId])
    : rows<RelatedTurn>(tx, relatedByClientKeySql, [
        tenantId,
        conversation.clientKey,
        message.clientKey,
        messageId,
        conversation.visitorId,
        conversation.botId,
      ]);
}

/** A turn of the conversation of a send. */
type RelatedTurn = TurnRow & { ofThisMessage: boolean };

const ofThisMessage = '(client_key = $3 OR user_message_id = $4::uuid)';
const relatedSql = (conversation: string) => `SELECT ${turnColumns}, coalesce(${ofThisMessage}, false) AS "ofThisMessage" FROM turns
  WHERE tenant_id = $1 AND conversation_id = ${conversation} AND (${ofThisMessage} OR state IN ('waiting', 'queued', 'running'))
  ORDER BY answer_position`;
const relatedByIdSql = relatedSql('$2::uuid');
const relatedByClientKeySql = relatedSql(
  '(SELECT id FROM conversations WHERE tenant_id = $1 AND client_key = $2 AND visitor_id = $5 AND bot_id = $6)',
);

/** One turn. */
export function findTurn(tx: Transaction, tenantId: string, id: string): Promise<TurnRow | undefined> {
  return row<TurnRow>(tx, `SELECT ${turnColumns} FROM turns WHERE tenant_id = $1 AND id = $2`, [tenantId, id]);
}

/** The turn of a conversation that was asked for last. */
export function newestTurn(tx: Transaction, tenantId: string, conversationId: string): Promise<TurnRow | undefined> {
  return row<TurnRow>(
    tx,
    `SELECT ${turnColumns} FROM turns WHERE tenant_id = $1 AND conversation_id = $2 ORDER BY answer_position DESC LIMIT 1`,
    [tenantId, conversationId],
  );
}
