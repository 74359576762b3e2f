import { Module } from '@nestjs/common';
import { BotsModule } from '../bots/index.ts';
import { ConversationsModule } from '../conversations/index.ts';
import { IdentityModule } from '../identity/index.ts';
import { ModelsModule } from '../models/index.ts';
import { PlansModule } from '../plans/index.ts';
import { PrivacyModule } from '../privacy/index.ts';
import { ChatData } from './chat-data.ts';
import { ChatController } from './chat.controller.ts';
import { Chat } from './chat.service.ts';
import { CompletionsService } from './dialects/completions.service.ts';
import { OpenAiController } from './dialects/openai.controller.ts';
import { RetriedRequests } from './dialects/retried-requests.ts';
import { ForgetTurnLogs } from './forget-turn-logs.job.ts';
import { ChatGateway } from './gateway/chat.gateway.ts';
import { ChatSockets } from './gateway/chat-sockets.ts';
import { SocketAdmission } from './gateway/socket-admission.ts';
import { VisitorSockets } from './gateway/visitor-sockets.ts';
import { Parties } from './party.ts';
import { DeadLetters } from './queue/dead-letters.ts';
import { QueueAdmin } from './queue/queue-admin.ts';
import { QueueAnnouncer } from './queue/queue-announcer.ts';
import { QueueLoad } from './queue/queue-load.ts';
import { RouteSlots } from './queue/route-slots.ts';
import { TurnQueue } from './queue/turn-queue.ts';
import { LogFlusher } from './stream/log-flusher.ts';
import { LogStore } from './stream/log-store.ts';
import { TurnLogs } from './stream/turn-logs.ts';
import { ChatTicketsController } from './tickets/tickets.controller.ts';
import { ChatTickets } from './tickets/tickets.service.ts';
import { AcceptTurn } from './turn/accept-turn.ts';
import { FindTurn } from './turn/find-turn.ts';
import { HeldPlaces } from './turn/held-places.ts';
import { LeftReservations } from './turn/left-reservations.ts';
import { SendChecks } from './turn/send-checks.ts';
import { TurnDoor } from './turn/turn-door.ts';
import { TurnQuota } from './turn/turn-quota.ts';
import { TurnRunner } from './turn/turn-runner.ts';
import { TurnStore } from './turn/turn-store.ts';
import { TurnSweeper } from './turn/turn-sweeper.ts';
import { TurnPrompting, TurnStorage, TurnStreaming, TurnTools } from './turn/turn-tools.ts';

const turn = [
  AcceptTurn,
  FindTurn,
  HeldPlaces,
  LeftReservations,
  TurnDoor,
  TurnQuota,
  TurnRunner,
  TurnStore,
  TurnSweeper,
  SendChecks,
  TurnPrompting,
  TurnStorage,
  TurnStreaming,
  TurnTools,
];
const queue = [DeadLetters, QueueAdmin, QueueAnnouncer, QueueLoad, RouteSlots, TurnQueue];
const stream = [LogFlusher, LogStore, TurnLogs];
const gateway = [ChatGateway, ChatSockets, SocketAdmission, VisitorSockets];

/** Chat: turns, their logs, and the dialects in which they are read. */
@Module({
  imports: [IdentityModule, BotsModule, ConversationsModule, ModelsModule, PlansModule, PrivacyModule],
  controllers: [ChatTicketsController, OpenAiController, ChatController],
  providers: [
    ...turn,
    ...queue,
    ...stream,
    ...gateway,
    Chat,
    ChatData,
    ChatTickets,
    CompletionsService,
    ForgetTurnLogs,
    Parties,
    RetriedRequests,
  ],
  exports: [Chat, DeadLetters, QueueAdmin],
})
export class ChatModule {}
