import { Injectable } from '@nestjs/common';
import { AppError } from '../../../kernel/app-error.ts';
import { currentDate } from '../../../kernel/clock.ts';
import { publicId } from '../../../kernel/ids.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { chatErrors } from '../chat.errors.ts';
import { ownVisitorOf, Parties } from '../party.ts';
import { LogCursor } from '../stream/log-cursor.ts';
import { type OpenedLog, TurnLogs } from '../stream/turn-logs.ts';
import { type AcceptedTurn, AcceptTurn } from '../turn/accept-turn.ts';
import { FindTurn } from '../turn/find-turn.ts';
import type { PromptRequest } from '../turn/prompt-request.ts';
import { completionBody, type CompletionHead, CompletionReader } from './openai-completion.ts';
import { contentText, type CreateChatCompletion } from './openai.schemas.ts';
import { RetriedRequests } from './retried-requests.ts';

/** How long a caller who hung up has to come back before the turn is stopped, in milliseconds: the `openai` client waits ≤ 8 s. */
const hangUpGraceMs = 10_000;

/** What an OpenAI client's headers say of retries. */
export interface RetryHeaders {
  idempotencyKey: string | undefined;
  retryCount: number;
}

/** A completion under way. */
export interface StartedCompletion {
  head: CompletionHead;
  turn: AcceptedTurn;
  opened: OpenedLog;
}

/** OpenAI's chat completions over turns: `model` is a bot, the caller's whole message list is the prompt. */
@Injectable()
export class CompletionsService {
  constructor(
    private readonly parties: Parties,
    private readonly accept: AcceptTurn,
    private readonly find: FindTurn,
    private readonly logs: TurnLogs,
    private readonly retried: RetriedRequests,
  ) {}

  /** Commits the turn and opens its log. Throws AppError. */
  async start(caller: Principal, body: CreateChatCompletion, retry: RetryHeaders): Promise<StartedCompletion> {
    const { text, prompt } = promptOf(body);
    const visitorId = body.user ?? undefined;
    const party = await this.parties.of(caller, { botId: body.model, visitorId });
    const credential = caller.kind === 'visitor' ? caller.visitorId : ownVisitorOf(caller);
    // How the answer is delivered is no part of what is asked.
    const asked = { ...body, stream: undefined, stream_options: undefined };
    const name = await this.retried.nameOf({ tenantId: caller.tenantId, credential, body: asked, ...retry });
    const turn = await this.accept
      .accept({
        party,
        conversation: body.metadata?.['conversation'] ?? name,
        clientMessageId: name,
        text,
        trigger: 'submit-message',
        prompt,
      })
      .catch((error: unknown) => {
        if (error instanceof AppError && error.code === 'message_conflict') throw chatErrors.idempotencyKeyReused();
        throw error;
      });
    const head = {
      id: `chatcmpl-${publicId('turn', turn.turnId).slice('turn_'.length)}`,
      created: Math.floor(currentDate().getTime() / 1_000),
      model: body.model,
    };
    const opened = await this.logs.open(turn);
    this.retried.countCaller(turn, 1);
    return { head, turn, opened };
  }

  /** Waits for the whole answer. Throws AppError when the answer failed or was cut. */
  async whole({ head, turn, opened }: StartedCompletion): Promise<ReturnType<typeof completionBody>> {
    let reader = await readToEnd(opened);
    // The log was replaced under the reader: nothing was given out yet, so read again from the start.
    for (let tries = 0; reader === undefined && tries < 5; tries += 1) reader = await readToEnd(await this.logs.open(turn));
    if (reader === undefined) throw chatErrors.interrupted();
    if (reader.problem !== undefined) throw reader.problem;
    return completionBody(head, reader);
  }

  /**
   * The caller has its answer, or hung up. This dialect has no other way to say "stop", but a client that lost its connection
   * hangs up too and tries again, on any replica: the turn is stopped unless somebody waits for it at the end of the grace.
   */
  left({ turn, opened }: StartedCompletion, hungUp: boolean): void {
    this.retried.countCaller(turn, -1);
    if (!hungUp) return;
    setTimeout(() => {
      // A failed stop lets the answer go on to its end; nothing is lost.
      if (!opened.log.sealed) this.stopUnlessAwaited(turn).catch(() => undefined);
    }, hangUpGraceMs);
  }

  private async stopUnlessAwaited(turn: AcceptedTurn): Promise<void> {
    if ((await this.retried.callers(turn)) <= 0) await this.find.stop(turn);
  }
}

function readToEnd(opened: OpenedLog): Promise<CompletionReader | undefined> {
  const reader = new CompletionReader(false);
  return new Promise((resolve) => {
    new LogCursor(opened, 0, {
      ready: () => true,
      chunk: (_sequence, json) => void reader.read(json),
      end: () => resolve(reader),
      cut: () => resolve(undefined),
    }).start();
  });
}

/** The last user message is the turn's; what came before it is the caller's own history. */
function promptOf(body: CreateChatCompletion): { text: string; prompt: PromptRequest } {
  const last = body.messages.findLastIndex(({ role }) => role === 'user');
  if (last === -1) throw chatErrors.noUserMessage();
  if (last !== body.messages.length - 1) throw chatErrors.lastMessageNotUser();
  const messages = body.messages.slice(0, last).map(({ role, content }) => ({
    role: role === 'user' || role === 'assistant' ? role : ('system' as const),
    content: contentText(content),
  }));
  const maxOutputTokens = body.max_completion_tokens ?? body.max_tokens ?? undefined;
  return {
    text: contentText(body.messages[last]?.content),
    prompt: {
      messages,
      ...(body.temperature === null || body.temperature === undefined ? {} : { temperature: body.temperature }),
      ...(body.top_p === null || body.top_p === undefined ? {} : { topP: body.top_p }),
      ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    },
  };
}
