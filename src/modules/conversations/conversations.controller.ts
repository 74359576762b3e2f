import { Body, Controller, Delete, Get, Param, Patch, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../kernel/principal.ts';
import { Access, Answers, Caller } from '../../platform/http/index.ts';
import {
  ConversationPage,
  ConversationQuery,
  ConversationResponse,
  MessagePage,
  MessageQuery,
  UpdateConversation,
} from './conversations.schemas.ts';
import { ConversationsService } from './conversations.service.ts';

/** Conversations over REST. */
@ApiTags('Conversations')
@Controller('v1/conversations')
export class ConversationsController {
  constructor(private readonly conversations: ConversationsService) {}

  @Get()
  @Access('conversation.read')
  @Answers({ summary: 'List conversations, newest first', body: ConversationPage })
  list(@Caller() caller: Principal, @Query({ schema: ConversationQuery }) query: ConversationQuery) {
    return this.conversations.list(caller, query);
  }

  @Get(':id')
  @Access('conversation.read')
  @Answers({ summary: 'Read a conversation', body: ConversationResponse })
  get(@Caller() caller: Principal, @Param('id') id: string) {
    return this.conversations.get(caller, id);
  }

  @Patch(':id')
  @Access('conversation.update')
  @Answers({ summary: 'Rename a conversation or change its metadata; absent keeps, null clears', body: ConversationResponse })
  update(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: UpdateConversation }) body: UpdateConversation) {
    return this.conversations.update(caller, id, body);
  }

  @Delete(':id')
  @Access('conversation.delete')
  @Answers({ summary: 'Delete a conversation with its messages', status: 204 })
  delete(@Caller() caller: Principal, @Param('id') id: string) {
    return this.conversations.delete(caller, id);
  }

  @Get(':id/messages')
  @Access('conversation.read')
  @Answers({ summary: 'List the messages of a conversation, oldest first', body: MessagePage })
  messages(@Caller() caller: Principal, @Param('id') id: string, @Query({ schema: MessageQuery }) query: MessageQuery) {
    return this.conversations.listMessages(caller, id, query);
  }
}
