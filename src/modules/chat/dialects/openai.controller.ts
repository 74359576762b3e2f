import { Body, Controller, Get, Headers, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller, OwnIdempotency } from '../../../platform/http/index.ts';
import { BotsService } from '../../bots/index.ts';
import { CountedAtAdmission } from '../../plans/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import { rateHeaders } from '../turn/turn-door.ts';
import { CompletionsService } from './completions.service.ts';
import { completionEvents } from './openai-completion.ts';
import { ChatCompletion, CreateChatCompletion, ModelListResponse, ModelResponse } from './openai.schemas.ts';
import { beginEvents, streamEvents } from './sse-stream.ts';

/** OpenAI's API over bots, for clients that speak it. */
@ApiTags('OpenAI-compatible')
@Controller('v1')
export class OpenAiController {
  constructor(
    private readonly completions: CompletionsService,
    private readonly bots: BotsService,
    @Inject(chatConfig.token) private readonly config: ChatConfig,
  ) {}

  @Get('models')
  @Access('model.read')
  @Answers({ summary: 'List the bots as models', body: ModelListResponse })
  async models(@Caller() caller: Principal) {
    return { object: 'list' as const, data: (await this.bots.all(caller)).map(toModel) };
  }

  @Get('models/:id')
  @Access('model.read')
  @Answers({ summary: 'Read a bot as a model', body: ModelResponse })
  async model(@Caller() caller: Principal, @Param('id') id: string) {
    return toModel(await this.bots.get(caller, id));
  }

  @Post('chat/completions')
  @Access('chat.send')
  @CountedAtAdmission()
  @OwnIdempotency()
  @Answers({ summary: 'Create a chat completion; streamed as server-sent events with `stream: true`', body: ChatCompletion })
  async complete(
    @Caller() caller: Principal,
    @Body({ schema: CreateChatCompletion }) body: CreateChatCompletion,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Headers('x-stainless-retry-count') retryCount: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const started = await this.completions.start(caller, body, { idempotencyKey, retryCount: Number(retryCount ?? 0) || 0 });
    void reply.headers(rateHeaders(started.turn.rate));
    const left = () => this.completions.left(started, !reply.raw.writableFinished);
    // A caller may have gone while the turn was committed.
    if (reply.raw.destroyed) left();
    else reply.raw.once('close', left);
    if (body.stream !== true) return void reply.send(await this.completions.whole(started));
    const events = completionEvents(started.head, body.stream_options?.include_usage === true, request.id);
    const response = beginEvents(reply);
    response.write(events.first());
    streamEvents(response, started.opened, 0, events, this.config);
  }
}

function toModel(bot: { id: string; name: string; created_at: string }) {
  return {
    id: bot.id,
    object: 'model' as const,
    created: Math.floor(Date.parse(bot.created_at) / 1_000),
    owned_by: 'tenant',
    name: bot.name,
  };
}
