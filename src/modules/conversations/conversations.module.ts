import { Module } from '@nestjs/common';
import { IdentityModule } from '../identity/index.ts';
import { PrivacyModule } from '../privacy/index.ts';
import { ConversationsData } from './conversations-data.ts';
import { ConversationsController } from './conversations.controller.ts';
import { ConversationsRepository } from './conversations.repository.ts';
import { ConversationsService } from './conversations.service.ts';
import { MessagesRepository } from './messages.repository.ts';

/** Conversations and messages. */
@Module({
  imports: [IdentityModule, PrivacyModule],
  controllers: [ConversationsController],
  providers: [ConversationsRepository, MessagesRepository, ConversationsService, ConversationsData],
  exports: [ConversationsRepository, MessagesRepository],
})
export class ConversationsModule {}
