import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../kernel/principal.ts';
import { Access, Answers, Caller, PageQuery } from '../../platform/http/index.ts';
import { BotPage, BotResponse, BotVersionPage, BotVersionResponse, CreateBot, UpdateBot } from './bots.schemas.ts';
import { BotsService } from './bots.service.ts';

/** Bots over REST. */
@ApiTags('Bots')
@Controller('v1/bots')
export class BotsController {
  constructor(private readonly bots: BotsService) {}

  @Post()
  @Access('bot.create')
  @Answers({ summary: 'Create a bot; its first version is published at once', status: 201, body: BotResponse })
  create(@Caller() caller: Principal, @Body({ schema: CreateBot }) body: CreateBot) {
    return this.bots.create(caller, body);
  }

  @Get()
  @Access('bot.read')
  @Answers({ summary: 'List bots, newest first', body: BotPage })
  list(@Caller() caller: Principal, @Query({ schema: PageQuery }) query: PageQuery) {
    return this.bots.list(caller, query);
  }

  @Get(':id')
  @Access('bot.read')
  @Answers({ summary: 'Read a bot', body: BotResponse })
  get(@Caller() caller: Principal, @Param('id') id: string) {
    return this.bots.get(caller, id);
  }

  @Patch(':id')
  @Access('bot.update')
  @Answers({ summary: "Change a bot's draft; absent keeps, null clears", body: BotResponse })
  update(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: UpdateBot }) body: UpdateBot) {
    return this.bots.update(caller, id, body);
  }

  @Delete(':id')
  @Access('bot.delete')
  @Answers({ summary: 'Delete a bot with its conversations', status: 204 })
  delete(@Caller() caller: Principal, @Param('id') id: string) {
    return this.bots.delete(caller, id);
  }

  @Post(':id/publish')
  @Access('bot.publish')
  @Answers({ summary: 'Publish the draft as the next version', status: 201, body: BotVersionResponse })
  publish(@Caller() caller: Principal, @Param('id') id: string) {
    return this.bots.publish(caller, id);
  }

  @Get(':id/versions')
  @Access('bot.read')
  @Answers({ summary: 'List published versions, newest first', body: BotVersionPage })
  versions(@Caller() caller: Principal, @Param('id') id: string, @Query({ schema: PageQuery }) query: PageQuery) {
    return this.bots.versions(caller, id, query);
  }
}
