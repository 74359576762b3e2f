export { type ChatConfig, chatConfig } from './chat.config.ts';
export { ChatModule } from './chat.module.ts';
export { Chat } from './chat.service.ts';
export { DeadLetters, type GivenUpTurn } from './queue/dead-letters.ts';
export { QueueAdmin } from './queue/queue-admin.ts';
export { ChatSocketAdapter } from './gateway/chat-socket.adapter.ts';
