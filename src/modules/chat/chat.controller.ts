import { Body, Controller, Get, Headers, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { publicId } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import { Access, Answers, Caller, OwnIdempotency } from '../../platform/http/index.ts';
import { AcceptsTicket } from '../identity/index.ts';
import { CountedAtAdmission } from '../plans/index.ts';
import { type ChatConfig, chatConfig } from './chat.config.ts';
import { PartyQuery, SendMessage } from './chat.schemas.ts';
import { lastUserMessage } from './dialects/last-user-message.ts';
import { beginEvents, streamEvents } from './dialects/sse-stream.ts';
import { uiMessageEvents, uiMessageStreamHeaders } from './dialects/ui-message-events.ts';
import { Parties } from './party.ts';
import { parseCursor, startAfter } from './stream/log-cursor.ts';
import { TurnLogs } from './stream/turn-logs.ts';
import { AcceptTurn } from './turn/accept-turn.ts';
import { rateHeaders } from './turn/turn-door.ts';
import { FindTurn } from './turn/find-turn.ts';
import type { TurnRef } from './turn/turn.ts';

/** Chat over HTTP: the AI SDK's UI message stream as server-sent events. */
@ApiTags('Chat')
@Controller('v1/chat')
export class ChatController {
  constructor(
    private readonly parties: Parties,
    private readonly accept: AcceptTurn,
    private readonly find: FindTurn,
    private readonly logs: TurnLogs,
    @Inject(chatConfig.token) private readonly config: ChatConfig,
  ) {}

  @Post()
  @Access('chat.send')
  @AcceptsTicket()
  @CountedAtAdmission()
  @OwnIdempotency()
  @Answers({ summary: 'Send a message and stream the answer', stream: 'text/event-stream' })
  async send(
    @Caller() caller: Principal,
    @Query({ schema: PartyQuery }) query: PartyQuery,
    @Body({ schema: SendMessage }) body: SendMessage,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const message = lastUserMessage(body.messages);
    const party = await this.parties.of(caller, { botId: body.bot_id ?? query.bot_id, visitorId: body.visitor_id ?? query.visitor_id });
    const turn = await this.accept.accept({
      party,
      conversation: body.id,
      clientMessageId: message.id,
      text: message.text,
      trigger: body.trigger,
      messageId: body.messageId ?? undefined,
    });
    void reply.headers(rateHeaders(turn.rate));
    await this.stream(turn, undefined, reply);
  }

  @Get(':conversation/stream')
  @Access('chat.send')
  @AcceptsTicket()
  @Answers({ summary: 'Follow the newest answer of a conversation; 204 when it has none', stream: 'text/event-stream' })
  async resume(
    @Caller() caller: Principal,
    @Param('conversation') conversation: string,
    @Query({ schema: PartyQuery }) query: PartyQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const party = await this.parties.of(caller, { botId: query.bot_id, visitorId: query.visitor_id });
    const turn = await this.find.newest(party, conversation);
    if (turn === undefined) void reply.status(204).send();
    else await this.stream(turn, lastEventId, reply);
  }

  @Post(':conversation/stop')
  @Access('chat.send')
  @AcceptsTicket()
  @Answers({ summary: 'Stop the newest answer of a conversation', status: 204 })
  async stop(
    @Caller() caller: Principal,
    @Param('conversation') conversation: string,
    @Query({ schema: PartyQuery }) query: PartyQuery,
  ): Promise<void> {
    const party = await this.parties.of(caller, { botId: query.bot_id, visitorId: query.visitor_id });
    const turn = await this.find.newest(party, conversation);
    if (turn !== undefined) await this.find.stop(turn);
  }

  private async stream(turn: TurnRef, cursor: string | undefined, reply: FastifyReply): Promise<void> {
    const opened = await this.logs.open(turn);
    const turnId = publicId('turn', turn.turnId);
    const next = startAfter(parseCursor(cursor), opened.log, turnId);
    const response = beginEvents(reply, uiMessageStreamHeaders);
    streamEvents(response, opened, next, uiMessageEvents(turnId, opened.log), this.config);
  }
}
