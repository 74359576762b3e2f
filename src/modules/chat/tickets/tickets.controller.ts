import { Body, Controller, Headers, Ip, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller, KeepsNoAnswer } from '../../../platform/http/index.ts';
import { CreateTicket, TicketResponse } from './tickets.schemas.ts';
import { ChatTickets } from './tickets.service.ts';

/** Chat tickets over REST. */
@ApiTags('Chat')
@Controller('v1/chat/tickets')
export class ChatTicketsController {
  constructor(private readonly tickets: ChatTickets) {}

  @Post()
  @KeepsNoAnswer()
  @Access('chat.ticket')
  @Answers({ summary: 'Ask for a ticket that opens one chat socket for a visitor', status: 201, body: TicketResponse })
  create(
    @Caller() caller: Principal,
    @Body({ schema: CreateTicket }) body: CreateTicket,
    @Ip() address: string,
    @Headers('origin') origin: string | undefined,
  ) {
    return this.tickets.create(caller, body, { address, origin });
  }
}
