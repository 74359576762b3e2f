export { conversationErrors } from './conversations.errors.ts';
export { conversationDeleted } from './conversations.events.ts';
export { ConversationsModule } from './conversations.module.ts';
export { type ConversationName, ConversationsRepository, type LockedConversation } from './conversations.repository.ts';
export { TextPart } from './conversations.schemas.ts';
export { openContents, sealContent, textOf } from './message-content.ts';
export { type HistoryMessage, type MessageRow, MessagesRepository, type MessageStatus } from './messages.repository.ts';
